-- What wrk asks for, and the one line that scripts/bench reads of its answer.
--
--   wrk ... -s wrk.lua URL -- plain
--   wrk ... -s wrk.lua URL -- range SIZE LENGTH     ranges of LENGTH at offsets spread over SIZE bytes, always the same
--   wrk ... -s wrk.lua URL -- message FILE          a recorded request, over and over on one connection

local requests = {}
local next_request = 0

local function ranges(size, length)
  local state = 1
  for i = 1, 256 do
    state = (state * 1103515245 + 12345) % 2147483648
    local first = math.floor(state / 2147483648 * (size - length))
    local field = string.format("bytes=%d-%d", first, first + length - 1)
    requests[i] = wrk.format("GET", wrk.path, { ["Host"] = wrk.host, ["Range"] = field })
  end
end

local function message(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  local kept = string.gsub(bytes, "Connection: close\r\n", "", 1)
  requests = { kept }
end

local function cycle()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function init(args)
  if args[1] == "range" then
    ranges(tonumber(args[2]), tonumber(args[3]))
    request = cycle
  elseif args[1] == "message" then
    message(args[2])
    -- wrk looks at the first request itself, to count pipelined ones, and knows no method CCM_POST. It does not send it.
    request = function()
      request = cycle
      return wrk.format("GET", "/")
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d\n", summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
