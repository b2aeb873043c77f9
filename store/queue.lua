#!lua name=bisectd
--
-- The moves of the queue (store/queue.h), as Redis Functions.  KEYS[1] is the installation's prefix, everything else is in ARGV.
--
--	P:unit:ID	hash: state lane priority seq payload epoch attempts owner until
--	P:ready:LANE	sorted set of ready ids: best priority first, then in the order they came
--	P:leased	sorted set of leased ids by the end of their lease
--	P:settled	sorted set of done and cancelled ids by the time they became so
--	P:lanes		set of lanes that had ready units
--	P:seq, P:epoch	counters
--
-- A unit is in exactly one of the sets.  Redis runs a function whole or not at all and logs it as one transaction.

-- From a state to the states it may become: the same table as moves[] in queue.c (a test compares them).
local MOVES = {
	absent = { ready = true },
	ready = { leased = true, done = true, cancelled = true },
	leased = { ready = true, done = true, cancelled = true },
	done = { absent = true },
	cancelled = { absent = true, ready = true, done = true },
}

local PRIORITY_MAX = 9
local RANK_STEP = 1e14		-- units that may come before the order inside a priority is lost; 9 of it fit into a double
local FORGET_MAX = 1000		-- units forgotten in one call, so that nobody waits long behind it

local function whole(number)
	return string.format('%.0f', number)
end

local function rank(unit)
	return whole((PRIORITY_MAX - tonumber(unit.priority)) * RANK_STEP + tonumber(unit.seq))
end

local function unit_key(prefix, id)
	return prefix .. ':unit:' .. id
end

local function read(prefix, id)
	local v = redis.call('HMGET', unit_key(prefix, id),
		'state', 'lane', 'priority', 'seq', 'epoch', 'attempts', 'owner', 'until')
	if not v[1] then
		return { id = id, state = 'absent', epoch = '0', attempts = '0' }
	end
	return { id = id, state = v[1], lane = v[2], priority = v[3], seq = v[4], epoch = v[5], attempts = v[6],
		owner = v[7] or '', ['until'] = v[8] or '0' }
end

-- Every change of state passes here: out of the old state's set, into the new one's.  `when` is the lease's end or the present.
local function move(prefix, unit, to, when)
	if not MOVES[unit.state][to] then
		error('unit ' .. unit.id .. ' cannot go from ' .. unit.state .. ' to ' .. to)
	end
	if unit.state == 'ready' then
		redis.call('ZREM', prefix .. ':ready:' .. unit.lane, unit.id)
	elseif unit.state == 'leased' then
		redis.call('ZREM', prefix .. ':leased', unit.id)
	elseif unit.state ~= 'absent' then
		redis.call('ZREM', prefix .. ':settled', unit.id)
	end
	unit.state = to
	if to == 'absent' then
		redis.call('DEL', unit_key(prefix, unit.id))
		return
	end
	if to == 'ready' then
		redis.call('SADD', prefix .. ':lanes', unit.lane)
		redis.call('ZADD', prefix .. ':ready:' .. unit.lane, rank(unit), unit.id)
	elseif to == 'leased' then
		redis.call('ZADD', prefix .. ':leased', when, unit.id)
	else
		redis.call('ZADD', prefix .. ':settled', when, unit.id)
	end
	redis.call('HSET', unit_key(prefix, unit.id), 'state', to)
end

-- Nil if `epoch` is the unit's newest, else the refusal.
local function refusal(unit, epoch)
	if unit.state == 'absent' then
		return redis.error_reply('STALE the queue knows no such unit')
	end
	if unit.epoch ~= epoch then
		return redis.error_reply('STALE epoch ' .. epoch .. ', the newest is ' .. unit.epoch)
	end
	if unit.state == 'cancelled' then
		return redis.error_reply('CANCELLED the unit was cancelled')
	end
	if unit.state == 'ready' then
		return redis.error_reply('STALE the lease of epoch ' .. epoch .. ' was lost')
	end
	return nil
end

-- A lease was lost or given back: offered again, or cancelled when that happened too often.  True for the latter.
local function give_back(prefix, unit, attempts_max, now)
	if tonumber(unit.attempts) >= attempts_max then
		move(prefix, unit, 'cancelled', now)
		return true
	end
	move(prefix, unit, 'ready', now)
	return false
end

-- id lane priority payload -> the state before
local function add(keys, argv)
	local prefix, id, lane, priority, payload = keys[1], argv[1], argv[2], argv[3], argv[4]
	local unit = read(prefix, id)
	local before = unit.state
	if before == 'absent' or before == 'cancelled' then
		unit.lane = lane
		unit.priority = priority
		unit.seq = whole(redis.call('INCR', prefix .. ':seq'))
		redis.call('HSET', unit_key(prefix, id), 'lane', lane, 'priority', priority, 'seq', unit.seq, 'payload', payload,
			'epoch', unit.epoch, 'attempts', '0', 'owner', '', 'until', '0')
		move(prefix, unit, 'ready')
	elseif before ~= 'done' and tonumber(priority) > tonumber(unit.priority) then
		unit.priority = priority
		redis.call('HSET', unit_key(prefix, id), 'priority', priority)
		if before == 'ready' then
			redis.call('ZADD', prefix .. ':ready:' .. unit.lane, rank(unit), id)
		end
	end
	return before
end

local function best_of(prefix, argv, first)
	local id, score
	for i = first, #argv do
		local head = redis.call('ZRANGE', prefix .. ':ready:' .. argv[i], 0, 0, 'WITHSCORES')
		if head[1] and (not score or tonumber(head[2]) < score) then
			id, score = head[1], tonumber(head[2])
		end
	end
	return id
end

-- owner now lease_ms lane... -> id payload epoch attempt until, or nothing
local function claim(keys, argv)
	local prefix, owner, now = keys[1], argv[1], tonumber(argv[2])
	local id = best_of(prefix, argv, 4)
	if not id then
		return {}
	end
	local unit = read(prefix, id)
	-- Never below the clock: should Redis forget everything, an epoch of the life before is still an old one.
	local epoch = tonumber(redis.call('GET', prefix .. ':epoch') or '0') + 1
	epoch = whole(math.max(epoch, now))
	local attempt = whole(tonumber(unit.attempts) + 1)
	local lease_until = whole(now + tonumber(argv[3]))
	redis.call('SET', prefix .. ':epoch', epoch)
	move(prefix, unit, 'leased', lease_until)
	redis.call('HSET', unit_key(prefix, id), 'epoch', epoch, 'attempts', attempt, 'owner', owner, 'until', lease_until)
	return { id, redis.call('HGET', unit_key(prefix, id), 'payload'), epoch, attempt, lease_until }
end

-- id epoch now lease_ms
local function renew(keys, argv)
	local prefix, id, epoch = keys[1], argv[1], argv[2]
	local unit = read(prefix, id)
	local refused = refusal(unit, epoch)
	if refused then
		return refused
	end
	if unit.state ~= 'leased' then
		return redis.error_reply('STALE the unit is done')
	end
	local lease_until = whole(tonumber(argv[3]) + tonumber(argv[4]))
	redis.call('ZADD', prefix .. ':leased', lease_until, id)
	redis.call('HSET', unit_key(prefix, id), 'until', lease_until)
	return redis.status_reply('OK')
end

-- id epoch
local function check(keys, argv)
	return refusal(read(keys[1], argv[1]), argv[2]) or redis.status_reply('OK')
end

-- id epoch now; a second time with the same epoch changes nothing
local function finish(keys, argv)
	local unit = read(keys[1], argv[1])
	local refused = refusal(unit, argv[2])
	if refused then
		return refused
	end
	if unit.state == 'leased' then
		move(keys[1], unit, 'done', argv[3])
	end
	return redis.status_reply('OK')
end

-- id epoch now attempts_max -> 1 if that was the last attempt
local function release(keys, argv)
	local unit = read(keys[1], argv[1])
	local refused = refusal(unit, argv[2])
	if refused then
		return refused
	end
	if unit.state ~= 'leased' then
		return redis.error_reply('STALE the unit is done')
	end
	return give_back(keys[1], unit, tonumber(argv[4]), argv[3]) and 1 or 0
end

-- id now
local function settle(keys, argv)
	local unit = read(keys[1], argv[1])
	if MOVES[unit.state]['done'] then
		move(keys[1], unit, 'done', argv[2])
	end
	return redis.status_reply('OK')
end

-- id now
local function cancel(keys, argv)
	local unit = read(keys[1], argv[1])
	if MOVES[unit.state]['cancelled'] then
		move(keys[1], unit, 'cancelled', argv[2])
	end
	return redis.status_reply('OK')
end

-- now max attempts_max -> how many, then the ids that were exhausted
local function expire(keys, argv)
	local prefix = keys[1]
	local ids = redis.call('ZRANGEBYSCORE', prefix .. ':leased', '-inf', argv[1], 'LIMIT', 0, argv[2])
	local answer = { #ids }
	for _, id in ipairs(ids) do
		if give_back(prefix, read(prefix, id), tonumber(argv[3]), argv[1]) then
			table.insert(answer, id)
		end
	end
	return answer
end

-- up_to -> 1 if there is more
local function forget(keys, argv)
	local prefix = keys[1]
	local ids = redis.call('ZRANGEBYSCORE', prefix .. ':settled', '-inf', argv[1], 'LIMIT', 0, FORGET_MAX)
	for _, id in ipairs(ids) do
		move(prefix, read(prefix, id), 'absent')
	end
	for _, lane in ipairs(redis.call('SMEMBERS', prefix .. ':lanes')) do
		if redis.call('EXISTS', prefix .. ':ready:' .. lane) == 0 then
			redis.call('SREM', prefix .. ':lanes', lane)
		end
	end
	return #ids == FORGET_MAX and 1 or 0
end

-- id -> state lane owner epoch attempts until payload
local function get(keys, argv)
	local unit = read(keys[1], argv[1])
	return { unit.state, unit.lane or '', unit.owner or '', unit.epoch, unit.attempts, unit['until'] or '0',
		redis.call('HGET', unit_key(keys[1], argv[1]), 'payload') or '' }
end

-- state -> ids
local function list(keys, argv)
	local prefix, state, ids = keys[1], argv[1], {}
	if state == 'leased' then
		return redis.call('ZRANGE', prefix .. ':leased', 0, -1)
	elseif state == 'ready' then
		for _, lane in ipairs(redis.call('SMEMBERS', prefix .. ':lanes')) do
			for _, id in ipairs(redis.call('ZRANGE', prefix .. ':ready:' .. lane, 0, -1)) do
				table.insert(ids, id)
			end
		end
	else
		for _, id in ipairs(redis.call('ZRANGE', prefix .. ':settled', 0, -1)) do
			if redis.call('HGET', unit_key(prefix, id), 'state') == state then
				table.insert(ids, id)
			end
		end
	end
	return ids
end

-- -> ready leased
local function depths(keys, argv)
	local ready = 0
	for _, lane in ipairs(redis.call('SMEMBERS', keys[1] .. ':lanes')) do
		ready = ready + redis.call('ZCARD', keys[1] .. ':ready:' .. lane)
	end
	return { ready, redis.call('ZCARD', keys[1] .. ':leased') }
end

-- -> "from to" a row
local function moves(keys, argv)
	local rows = {}
	for from, targets in pairs(MOVES) do
		for to in pairs(targets) do
			table.insert(rows, from .. ' ' .. to)
		end
	end
	table.sort(rows)
	return rows
end

redis.register_function('bisectd_add', add)
redis.register_function('bisectd_claim', claim)
redis.register_function('bisectd_renew', renew)
redis.register_function('bisectd_finish', finish)
redis.register_function('bisectd_release', release)
redis.register_function('bisectd_settle', settle)
redis.register_function('bisectd_cancel', cancel)
redis.register_function('bisectd_expire', expire)
redis.register_function('bisectd_forget', forget)
redis.register_function{ function_name = 'bisectd_check', callback = check, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_get', callback = get, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_list', callback = list, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_depths', callback = depths, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_moves', callback = moves, flags = { 'no-writes' } }
