"""What Redis runs, each atomically. Numbers stay below 2^53: nanoseconds that are owed, microseconds since 1970."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the digest by which it is called."""

    text: str
    digest: str


_OWED = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function owed(key)
    local debt, at = string.match(redis.call('GET', key) or '', '^(%d+):(%d+)$')
    if not debt then return 0 end
    return math.max(0, debt - math.max(0, now - at) * 1000)
end
local function owe(key, debt)
    if debt > 0 then
        local kept = math.ceil(debt / 1000000) + 1000
        redis.call('SET', key, string.format('%.0f:%.0f', debt, now), 'PX', string.format('%.0f', kept))
    else
        redis.call('DEL', key)
    end
end
"""


def _script(text: str) -> Script:
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


# Meters, then seats. By meter: what this costs and how much may be owed; by kind of seat: how many there are.
TAKE = _script(
    _OWED
    + """
local meters, name, keep = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local short, longest, debts = 0, 0, {}
for at = 1, meters do
    local cost, span = tonumber(ARGV[2 + 2 * at]), tonumber(ARGV[3 + 2 * at])
    debts[at] = owed(KEYS[at])
    local wait = debts[at] - span + math.min(cost, span)
    if wait > longest then short, longest = at, wait end
end
if short == 0 then
    for at = meters + 1, #KEYS do
        redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', string.format('%.0f', now))
        if redis.call('ZCARD', KEYS[at]) >= tonumber(ARGV[3 + meters + at]) then short = at end
    end
end
if short == 0 then
    for at = 1, meters do
        debts[at] = debts[at] + tonumber(ARGV[2 + 2 * at])
        owe(KEYS[at], debts[at])
    end
    for at = meters + 1, #KEYS do
        redis.call('ZADD', KEYS[at], string.format('%.0f', now + keep * 1000), name)
        redis.call('PEXPIRE', KEYS[at], ARGV[3])
    end
end
return {short, longest, unpack(debts)}
"""
)

# Meters; for each what is given back, or taken beyond.
GIVE = _script(
    _OWED
    + """
for at = 1, #KEYS do owe(KEYS[at], owed(KEYS[at]) - tonumber(ARGV[at])) end
return {}
"""
)

# Seats; whose they are, and for how many milliseconds from now: 0 gives them back.
RENEW = _script(
    _OWED
    + """
for at = 1, #KEYS do
    if ARGV[2] == '0' then
        redis.call('ZREM', KEYS[at], ARGV[1])
    else
        redis.call('ZADD', KEYS[at], string.format('%.0f', now + ARGV[2] * 1000), ARGV[1])
        redis.call('PEXPIRE', KEYS[at], ARGV[2])
    end
end
return {}
"""
)
