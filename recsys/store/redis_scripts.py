"""What the Redis store does inside Redis: each script is atomic, all or none, and one round trip.

Keys: the streams `recsys:events` and `recsys:forgotten` (entry "n-0" is offset n), the counters `recsys:offset` and
`recsys:item-offset`, the lists `recsys:user:ID` of a user's offsets, the marks `recsys:event:ID` of known event ids,
the hash `recsys:items` and the sorted set `recsys:item-offsets`. One database holds one store.
"""

# ARGV: seconds to remember ids, then id, user and row of each event. Returns how many were new.
APPEND = """
local accepted = 0
for place = 2, #ARGV, 3 do
  if redis.call('SET', 'recsys:event:' .. ARGV[place], '1', 'NX', 'EX', ARGV[1]) then
    local offset = redis.call('INCR', 'recsys:offset')
    redis.call('XADD', 'recsys:events', offset .. '-0', 'e', ARGV[place + 2])
    redis.call('RPUSH', 'recsys:user:' .. ARGV[place + 1], offset)
    accepted = accepted + 1
  end
end
return accepted
"""

# ARGV: user, how many. Returns rows, oldest first.
EVENTS_OF = """
local rows = {}
for _, offset in ipairs(redis.call('LRANGE', 'recsys:user:' .. ARGV[1], -ARGV[2], -1)) do
  local entry = redis.call('XRANGE', 'recsys:events', offset .. '-0', offset .. '-0')[1]
  table.insert(rows, entry[2][2])
end
return rows
"""

# ARGV: user, digest. Returns how many events were removed.
FORGET = """
local offsets = redis.call('LRANGE', 'recsys:user:' .. ARGV[1], 0, -1)
for _, offset in ipairs(offsets) do
  redis.call('XDEL', 'recsys:events', offset .. '-0')
end
redis.call('DEL', 'recsys:user:' .. ARGV[1])
local mark = redis.call('INCR', 'recsys:offset')
redis.call('XADD', 'recsys:forgotten', mark .. '-0', 'd', ARGV[2])
return #offsets
"""

# ARGV: id and content of each change.
PUT_ITEMS = """
for place = 1, #ARGV, 2 do
  redis.call('HSET', 'recsys:items', ARGV[place], ARGV[place + 1])
  redis.call('ZADD', 'recsys:item-offsets', redis.call('INCR', 'recsys:item-offset'), ARGV[place])
end
"""

# ARGV: after, how many. Returns offset, id and content of each change in turn.
READ_ITEMS = """
local after, most = '(' .. ARGV[1], ARGV[2]
local found = redis.call('ZRANGEBYSCORE', 'recsys:item-offsets', after, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
local changes = {}
for place = 1, #found, 2 do
  table.insert(changes, found[place + 1])
  table.insert(changes, found[place])
  table.insert(changes, redis.call('HGET', 'recsys:items', found[place]))
end
return changes
"""
