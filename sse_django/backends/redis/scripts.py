"""What runs inside the engine, where nothing comes in between.

Three keys: the stream, with ids `<epoch>-<sequence>` that we number without gaps, so that anything missing shows; a hash
that says how far the log reaches; the keys of events (sorted by sequence): a repeat is found for as long as its event is kept.
"""

#: Entries dropped by one call of `trim`.
TRIM_BATCH = 1000

_LOG = """
local stream, meta, keys = KEYS[1], KEYS[2], KEYS[3]

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Microseconds: a log that is lost as soon as it was made must not get its name again.
local function new_epoch()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function id(log, seq)
  return log.epoch .. '-' .. string.format('%.0f', seq)
end

-- How far the log reaches. One that has no name (new, or lost) gets one, and loses what is left of another.
local function open()
  local values = redis.call('HMGET', meta, 'epoch', 'seq', 'tag', 'floor', 'floor_tag')
  if not values[1] then
    values = {string.format('%.0f', new_epoch()), '0', '', '0', ''}
    redis.call('DEL', stream, keys)
    redis.call('HSET', meta, 'epoch', values[1], 'seq', '0', 'tag', '', 'floor', '0', 'floor_tag', '')
  end
  return {epoch = values[1], seq = tonumber(values[2]), tag = values[3], floor = tonumber(values[4]), floor_tag = values[5]}
end

local function field(log, seq, name)
  local found = redis.call('XRANGE', stream, id(log, seq), id(log, seq))
  if not found[1] then return nil end
  local fields = found[1][2]
  for index = 1, #fields, 2 do
    if fields[index] == name then return fields[index + 1] end
  end
end

-- Drop at most `batch` of the oldest: those beyond `max_events`, and those older than `max_age` ms (0 is no limit).
local function trim(log, max_events, max_age, batch)
  batch = math.min(batch, log.seq - log.floor)
  local count = 0
  if max_events > 0 then
    count = math.min(batch, math.max(0, log.seq - log.floor - max_events))
  end
  if max_age > 0 and count < batch then
    local cutoff, step = now() - max_age, batch
    while step > count do
      local at = field(log, log.floor + step, 't')
      if not at or tonumber(at) < cutoff then
        count = step
        break
      end
      step = math.floor(step / 2)
    end
  end
  if count == 0 then return 0 end
  local floor = log.floor + count
  local tag = field(log, floor, 'g') or ''
  redis.call('XTRIM', stream, 'MINID', id(log, floor + 1))
  redis.call('ZREMRANGEBYSCORE', keys, '-inf', floor)
  redis.call('HSET', meta, 'floor', floor, 'floor_tag', tag)
  log.floor, log.floor_tag = floor, tag
  return count
end
"""

#: ARGV: max_events, max_age; then for each event its key (or nothing), the number of its fields with their values, and those.
PUBLISH = (
    _LOG
    + """
local log = open()
local at = 3
while at <= #ARGV do
  local key, count = ARGV[at], tonumber(ARGV[at + 1])
  if key == '' or not redis.call('ZSCORE', keys, key) then
    local seq = log.seq + 1
    redis.call('XADD', stream, id(log, seq), 't', string.format('%.0f', now()), unpack(ARGV, at + 2, at + 1 + count))
    redis.call('HSET', meta, 'seq', seq, 'tag', ARGV[at + 3])
    if key ~= '' then redis.call('ZADD', keys, seq, key) end
    log.seq = seq
  end
  at = at + 2 + count
end
local max_events = tonumber(ARGV[1])
if max_events > 0 and log.seq - log.floor > 2 * max_events + 1000 then
  trim(log, max_events, tonumber(ARGV[2]), 1000)  -- nobody reads, so nobody trims
end
"""
)

#: ARGV: the place to read after, how many. Gives the extent, the tag at that place, and entries.
READ = (
    _LOG
    + """
local log = open()
local after, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local there, entries = false, {}
if after > log.floor and after <= log.seq then there = field(log, after, 'g') or false end
if limit > 0 and after >= log.floor and after < log.seq then
  entries = redis.call('XRANGE', stream, '(' .. id(log, after), id(log, log.seq), 'COUNT', limit)
end
return {log.epoch, log.floor, log.floor_tag, log.seq, log.tag, there, entries}
"""
)

#: ARGV: max_events, max_age. Gives how many went.
TRIM = _LOG + f"return trim(open(), tonumber(ARGV[1]), tonumber(ARGV[2]), {TRIM_BATCH})"

#: Sequences go on, so that keys stay good; the old entries lie below every id of the new epoch.
ROTATE = (
    _LOG
    + """
local log = open()
local epoch = string.format('%.0f', math.max(new_epoch(), tonumber(log.epoch) + 1))
redis.call('DEL', stream)
redis.call('HSET', meta, 'epoch', epoch, 'floor', log.seq, 'floor_tag', log.tag)
"""
)
