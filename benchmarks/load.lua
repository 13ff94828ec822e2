-- wrk asks for lists: `wrk -t1 -c CLIENTS -d SECONDSs -s benchmarks/load.lua URL -- BODIES`. BODIES has a JSON body a line;
-- whoever has an answer asks with the next one. The last line of what is printed is JSON: milliseconds, a second, how many.

local requests, at = {}, 0

function init(arguments)
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local failed = 0
  for _, number in pairs(summary.errors) do
    failed = failed + number
  end
  io.write(string.format(
    '{"p50": %f, "p90": %f, "p99": %f, "per_second": %f, "requests": %d, "failed": %d}\n',
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    summary.requests / summary.duration * 1e6, summary.requests, failed))
end
