"""What the Redis store does inside Redis: each script is atomic, all or none, and one round trip.

Keys: the name of the log `recsys:identity`, the streams `recsys:events` and `recsys:forgotten` (entry "n-0" is offset
n), the counters `recsys:offset` and `recsys:item-offset`, the run of Redis that counted last `recsys:run`, the lists
`recsys:user:ID` of a user's offsets, the marks `recsys:event:ID` of known event ids, the hash `recsys:items` and the
sorted set `recsys:item-offsets`; for each answered list `recsys:list:REQUEST:VARIANT`, its key under
`recsys:shown:REQUEST` where it was shown, and the lists `recsys:lists-of:USER` of such keys. One database holds one
store.
"""

_PASS_OVER = """
local function pass_over(gap)
  if gap ~= '0' then
    local run, before = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)'), redis.call('GET', 'recsys:run')
    if before and before ~= run then
      redis.call('INCRBY', 'recsys:offset', gap)
      redis.call('INCRBY', 'recsys:item-offset', gap)
    end
    redis.call('SET', 'recsys:run', run)
  end
end
"""
"""A Redis that may lose its end (`durable=no`) passes over so many offsets when it was started again: readers know
those that it has lost, and never look at them again."""

# ARGV: seconds to remember ids, offsets to pass over, then id, user and row of each event. Returns 1 for each
# that was new, else 0.
APPEND = f"""{_PASS_OVER}
pass_over(ARGV[2])
local new = {{}}
for place = 3, #ARGV, 3 do
  if redis.call('SET', 'recsys:event:' .. ARGV[place], '1', 'NX', 'EX', ARGV[1]) then
    local offset = redis.call('INCR', 'recsys:offset')
    redis.call('XADD', 'recsys:events', offset .. '-0', 'e', ARGV[place + 2])
    redis.call('RPUSH', 'recsys:user:' .. ARGV[place + 1], offset)
    table.insert(new, 1)
  else
    table.insert(new, 0)
  end
end
return new
"""

# ARGV: after, how many, the name of the log as the reader knows it, another name. Returns the name, and entries. Where
# Redis was emptied the log gets the other name: readers then begin anew. Where it has only lost its end, which the
# reader knows, it goes on behind that.
READ = """
local identity = redis.call('GET', 'recsys:identity')
local last = tonumber(redis.call('GET', 'recsys:offset') or '0')
if not identity then
  identity = ARGV[4]
  redis.call('SET', 'recsys:identity', identity)
elseif identity == ARGV[3] and last < tonumber(ARGV[1]) then
  redis.call('SET', 'recsys:offset', ARGV[1])
end
return {identity, redis.call('XRANGE', 'recsys:events', '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])}
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

# ARGV: offset.
RESERVE = """
if tonumber(redis.call('GET', 'recsys:offset') or '0') < tonumber(ARGV[1]) then
  redis.call('SET', 'recsys:offset', ARGV[1])
end
"""

# ARGV: user, digest, offsets to pass over. Returns how many events were removed.
FORGET = f"""{_PASS_OVER}
pass_over(ARGV[3])
local offsets = redis.call('LRANGE', 'recsys:user:' .. ARGV[1], 0, -1)
for _, offset in ipairs(offsets) do
  redis.call('XDEL', 'recsys:events', offset .. '-0')
end
redis.call('DEL', 'recsys:user:' .. ARGV[1])
for _, list in ipairs(redis.call('LRANGE', 'recsys:lists-of:' .. ARGV[1], 0, -1)) do
  redis.call('DEL', list)
end
redis.call('DEL', 'recsys:lists-of:' .. ARGV[1])
local mark = redis.call('INCR', 'recsys:offset')
redis.call('XADD', 'recsys:forgotten', mark .. '-0', 'd', ARGV[2])
return #offsets
"""

# ARGV: seconds to keep them, then request, variant, request if it was shown, user, digest of the user, offset that the
# maker had come to and row of each list. Users who were forgotten behind that offset have none.
KEEP_LISTS = """
local function forgotten(digest, known)
  for _, mark in ipairs(redis.call('XRANGE', 'recsys:forgotten', '(' .. known .. '-0', '+')) do
    if mark[2][2] == digest then
      return true
    end
  end
  return false
end
for place = 2, #ARGV, 7 do
  local list = 'recsys:list:' .. ARGV[place] .. ':' .. ARGV[place + 1]
  local gone = ARGV[place + 3] ~= '' and forgotten(ARGV[place + 4], ARGV[place + 5])
  if not gone and redis.call('SET', list, ARGV[place + 6], 'NX', 'EX', ARGV[1]) then
    if ARGV[place + 2] ~= '' then
      redis.call('SET', 'recsys:shown:' .. ARGV[place + 2], list, 'EX', ARGV[1])
    end
    if ARGV[place + 3] ~= '' then
      local lists = 'recsys:lists-of:' .. ARGV[place + 3]
      if redis.call('RPUSH', lists, list) > 10000 then
        redis.call('DEL', redis.call('LPOP', lists)) -- what no longer stands among them, forgetting would not find
      end
      redis.call('EXPIRE', lists, ARGV[1])
    end
  end
end
"""

# ARGV: user, how many. Returns rows, oldest first.
LISTS_OF = """
local rows = {}
for _, list in ipairs(redis.call('LRANGE', 'recsys:lists-of:' .. ARGV[1], -ARGV[2], -1)) do
  local row = redis.call('GET', list)
  if row then
    table.insert(rows, row)
  end
end
return rows
"""

# ARGV: offsets to pass over, then id and content of each change.
PUT_ITEMS = f"""{_PASS_OVER}
pass_over(ARGV[1])
for place = 2, #ARGV, 2 do
  redis.call('HSET', 'recsys:items', ARGV[place], ARGV[place + 1])
  redis.call('ZADD', 'recsys:item-offsets', redis.call('INCR', 'recsys:item-offset'), ARGV[place])
end
"""

# ARGV: after, how many. Returns offset, id and content of each change in turn. What Redis has lost is passed over.
READ_ITEMS = """
if tonumber(redis.call('GET', 'recsys:item-offset') or '0') < tonumber(ARGV[1]) then
  redis.call('SET', 'recsys:item-offset', ARGV[1])
end
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
