// A window is a hash of `id` and `hits` that expires when it ends. The windows of one policy are also
// in its room, a sorted set by their end (epoch ms): what says how many there are, as keys that
// expire leave no trace. All time is the server's.

const ROOM = `
  local function now()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local function hasPlace(room, max)
    return redis.call('ZCOUNT', room, '(' .. now(), '+inf') < tonumber(max)
  end`;

/**
 * Keys: the key's window, the overflow window, the room. Arguments: length of the window, cost, id
 * for a new window, places in the room. Gives hits, milliseconds left, id.
 *
 * Whichever way it takes, the first write is one that a full server refuses: so it refuses all or
 * nothing, while a script that has written may go on writing.
 */
export const HIT = `${ROOM}
  local window, overflow, room = KEYS[1], KEYS[2], KEYS[3]
  local windowMs = tonumber(ARGV[1])
  local left = redis.call('PTTL', window)
  if left <= 0 then
    if hasPlace(room, ARGV[4]) then
      redis.call('ZADD', room, now() + windowMs, window)
      redis.call('ZREMRANGEBYSCORE', room, '-inf', now())
      if redis.call('PTTL', room) < windowMs then redis.call('PEXPIRE', room, windowMs) end
    else
      window = overflow
      left = redis.call('PTTL', window)
    end
  end
  if left <= 0 then redis.call('HSET', window, 'id', ARGV[3], 'hits', 0) end
  local hits = redis.call('HINCRBY', window, 'hits', ARGV[2])
  -- More than its length is left when the server's clock was set back: nobody is locked out for longer.
  if left <= 0 or left > windowMs then
    left = windowMs
    redis.call('PEXPIRE', window, left)
  end
  return { hits, left, redis.call('HGET', window, 'id') }`;

/** Keys: the key's window. Gives hits and milliseconds left, or nothing. */
export const READ = `
  local left = redis.call('PTTL', KEYS[1])
  if left <= 0 then return false end
  return { tonumber(redis.call('HGET', KEYS[1], 'hits')), left }`;

/** Keys: windows that may be the one. Arguments: its id, the cost. */
export const UNDO = `
  for _, window in ipairs(KEYS) do
    if redis.call('HGET', window, 'id') == ARGV[1] then
      local hits = redis.call('HGET', window, 'hits')
      redis.call('HSET', window, 'hits', math.max(0, hits - ARGV[2]))
    end
  end`;

/** Keys: the key's window, the room. */
export const CLEAR = `
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], KEYS[1])`;
