#!lua name=bisectd
--
-- The moves of the queue (store/queue.h), as Redis Functions.  KEYS[1] is the installation's prefix, everything else is in ARGV.
--
--	P:unit:ID	hash: state lane priority seq payload epoch attempts owner until claimed; where it failed by the farm's fault also
--			boxes failed_ms reason, and for each box f:OWNER "times at_ms blame" and a:OWNER "times from_ms until_ms", in which it is kept off
--	P:ready:LANE	sorted set of ready ids: best priority first, then in the order they came
--	P:leased	sorted set of leased ids by the end of their lease
--	P:settled	sorted set of done and cancelled ids by the time they became so
--	P:lanes		set of lanes that had ready units
--	P:seq, P:epoch	counters
--	P:worked	hash: of each box when it last finished a unit
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
local LOOK_MAX = 64		-- ready units of a lane that a claim looks at behind those its box is to leave alone for now
local HARD_FACTOR = 4		-- times attempts_max: then a unit is given up whoever could still try it

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
		'state', 'lane', 'priority', 'seq', 'epoch', 'attempts', 'owner', 'until', 'claimed')
	if not v[1] then
		return { id = id, state = 'absent', epoch = '0', attempts = '0' }
	end
	return { id = id, state = v[1], lane = v[2], priority = v[3], seq = v[4], epoch = v[5], attempts = v[6],
		owner = v[7] or '', ['until'] = v[8] or '0', claimed = v[9] or '0' }
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

-- The box that had the unit leaves it alone for a while, each time twice as long; every other box may have it at once.
local function keep_off(key, owner, at, rules)
	local times = tonumber(string.match(redis.call('HGET', key, 'a:' .. owner) or '0', '^%d+')) + 1
	local pause = math.min(rules.pause * 2 ^ math.min(times - 1, 40), rules.pause_max)
	redis.call('HSET', key, 'a:' .. owner, whole(times) .. ' ' .. whole(at) .. ' ' .. whole(at + pause))
end

-- How often this box failed on the unit by now.
local function note_failure(key, owner, at, blame, now)
	local times = tonumber(string.match(redis.call('HGET', key, 'f:' .. owner) or '0', '^%d+')) + 1
	redis.call('HSET', key, 'f:' .. owner, whole(times) .. ' ' .. whole(at) .. ' ' .. blame)
	if times == 1 then
		redis.call('HINCRBY', key, 'boxes', 1)
	end
	redis.call('HSETNX', key, 'failed_ms', whole(now))
	return times
end

-- Every box that failed on the unit has finished another one since the first of these failures: the farm works, the unit does not.
local function farm_works(prefix, key)
	local since = tonumber(redis.call('HGET', key, 'failed_ms'))
	for _, field in ipairs(redis.call('HKEYS', key)) do
		if string.sub(field, 1, 2) == 'f:' then
			local worked = redis.call('HGET', prefix .. ':worked', string.sub(field, 3))
			if not worked or tonumber(worked) <= since then
				return false
			end
		end
	end
	return true
end

local function is_exhausted(prefix, key, unit, boxes, now, rules, able)
	local attempts = tonumber(unit.attempts)
	if attempts < rules.attempts_max then
		return false
	end
	if now - tonumber(redis.call('HGET', key, 'failed_ms')) < rules.patience and not farm_works(prefix, key) then
		return false
	end
	return boxes >= able or attempts >= HARD_FACTOR * rules.attempts_max
end

-- A lease was lost or given back: offered again, or cancelled when that happened too often.  `blame` is whose fault it was:
--	box, unit	an attempt that failed
--	farm		nobody's here: no attempt was made, but this box waits before the next
--	stop		the box had to go: as if it had never had the unit
-- -> exhausted owner times boxes attempts claimed at
local function give_back(prefix, unit, at, now, blame, reason, rules, able)
	local key, times = unit_key(prefix, unit.id), 0
	if blame == 'farm' or blame == 'stop' then
		unit.attempts = whole(math.max(tonumber(unit.attempts) - 1, 0))
		redis.call('HSET', key, 'attempts', unit.attempts)
	else
		times = note_failure(key, unit.owner, at, blame, now)
	end
	if blame ~= 'stop' then
		keep_off(key, unit.owner, at, rules)
		redis.call('HSET', key, 'reason', reason)
	end
	local boxes = tonumber(redis.call('HGET', key, 'boxes') or '0')
	local exhausted = times > 0 and is_exhausted(prefix, key, unit, boxes, now, rules, able)
	move(prefix, unit, exhausted and 'cancelled' or 'ready', whole(now))
	return { exhausted and 1 or 0, unit.owner, whole(times), whole(boxes), unit.attempts, unit.claimed, whole(at) }
end

-- Values of a call from argv[i] on: see struct queue_rules.
local function read_rules(argv, i)
	return { attempts_max = tonumber(argv[i]), pause = tonumber(argv[i + 1]), pause_max = tonumber(argv[i + 2]),
		patience = tonumber(argv[i + 3]) }
end

-- These owners leave the unit alone until then; one that is kept off for longer still is.
local function avoid(key, argv, first, now, up_to)
	for i = first, #argv do
		local times, _, kept = string.match(redis.call('HGET', key, 'a:' .. argv[i]) or '0 0 0', '^(%d+) (%d+) (%d+)$')
		if tonumber(kept) < tonumber(up_to) then
			redis.call('HSET', key, 'a:' .. argv[i], times .. ' ' .. now .. ' ' .. up_to)
		end
	end
end

-- id lane priority payload now avoid_until avoided... -> the state before
local function add(keys, argv)
	local prefix, id, lane, priority, payload = keys[1], argv[1], argv[2], argv[3], argv[4]
	local unit = read(prefix, id)
	local before = unit.state
	if before == 'absent' or before == 'cancelled' then
		unit.lane = lane
		unit.priority = priority
		unit.seq = whole(redis.call('INCR', prefix .. ':seq'))
		redis.call('DEL', unit_key(prefix, id))		-- who failed on it in an earlier life
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
	if before ~= 'done' then
		avoid(unit_key(prefix, id), argv, 7, argv[5], argv[6])
	end
	return before
end

local function is_kept_off(prefix, id, owner, now)
	local text = redis.call('HGET', unit_key(prefix, id), 'a:' .. owner)
	if not text then
		return false
	end
	-- A clock that was set back in between keeps nobody off for longer than was meant.
	local from, to = string.match(text, '(%d+) (%d+)$')
	return tonumber(from) <= now and now < tonumber(to)
end

-- The first ready unit of the lane that the owner is not kept off.  Nearly always that is the very first one.
local function head_of(prefix, lane, owner, now)
	local from, to = 0, 0
	while from < LOOK_MAX do
		local rows = redis.call('ZRANGE', prefix .. ':ready:' .. lane, from, to, 'WITHSCORES')
		for i = 1, #rows, 2 do
			if not is_kept_off(prefix, rows[i], owner, now) then
				return rows[i], tonumber(rows[i + 1])
			end
		end
		if #rows < 2 * (to - from + 1) then
			return nil
		end
		from, to = to + 1, LOOK_MAX - 1
	end
	return nil
end

local function best_of(prefix, argv, first, owner, now)
	local id, score
	for i = first, #argv do
		local head, rank_of_head = head_of(prefix, argv[i], owner, now)
		if head and (not score or rank_of_head < score) then
			id, score = head, rank_of_head
		end
	end
	return id
end

-- owner now lease_ms lane... -> id payload epoch attempt until, or nothing
local function claim(keys, argv)
	local prefix, owner, now = keys[1], argv[1], tonumber(argv[2])
	local id = best_of(prefix, argv, 4, owner, now)
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
	redis.call('HSET', unit_key(prefix, id), 'epoch', epoch, 'attempts', attempt, 'owner', owner, 'until', lease_until,
		'claimed', whole(now))
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
		redis.call('HSET', keys[1] .. ':worked', unit.owner, argv[3])
		move(keys[1], unit, 'done', argv[3])
	end
	return redis.status_reply('OK')
end

-- id epoch now blame reason able rules... -> as give_back
local function release(keys, argv)
	local unit = read(keys[1], argv[1])
	local refused = refusal(unit, argv[2])
	if refused then
		return refused
	end
	if unit.state ~= 'leased' then
		return redis.error_reply('STALE the unit is done')
	end
	return give_back(keys[1], unit, tonumber(argv[3]), tonumber(argv[3]), argv[4], argv[5], read_rules(argv, 7), tonumber(argv[6]))
end

-- id now
local function settle(keys, argv)
	local unit = read(keys[1], argv[1])
	if MOVES[unit.state]['done'] then
		move(keys[1], unit, 'done', argv[2])
	end
	return redis.status_reply('OK')
end

-- id; a done unit whose result was lost may be added again
local function again(keys, argv)
	local unit = read(keys[1], argv[1])
	if unit.state == 'done' then
		move(keys[1], unit, 'absent')
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

-- now max lease_ms forgive_until reason rules... -> of each unit its id and what give_back says
local function expire(keys, argv)
	local prefix, now, rules = keys[1], tonumber(argv[1]), read_rules(argv, 6)
	local ids = redis.call('ZRANGEBYSCORE', prefix .. ':leased', '-inf', argv[1], 'LIMIT', 0, argv[2])
	local answer = {}
	for _, id in ipairs(ids) do
		local unit = read(prefix, id)
		local lease_until = tonumber(unit['until'])
		-- When the box was last heard of.
		local at = math.max(lease_until - tonumber(argv[3]), 0)
		local row = give_back(prefix, unit, at, now, lease_until <= tonumber(argv[4]) and 'stop' or 'box', argv[5], rules, 0)
		table.insert(row, 1, id)
		table.insert(answer, row)
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

-- id -> state lane owner epoch attempts until payload reason, then of each box that failed on it: its name and "times at_ms blame"
local function get(keys, argv)
	local unit, key = read(keys[1], argv[1]), unit_key(keys[1], argv[1])
	local answer = { unit.state, unit.lane or '', unit.owner or '', unit.epoch, unit.attempts, unit['until'] or '0',
		redis.call('HGET', key, 'payload') or '', redis.call('HGET', key, 'reason') or '' }
	if redis.call('HEXISTS', key, 'boxes') == 1 then
		local fields = redis.call('HGETALL', key)
		for i = 1, #fields, 2 do
			if string.sub(fields[i], 1, 2) == 'f:' then
				table.insert(answer, string.sub(fields[i], 3))
				table.insert(answer, fields[i + 1])
			end
		end
	end
	return answer
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
redis.register_function('bisectd_again', again)
redis.register_function('bisectd_expire', expire)
redis.register_function('bisectd_forget', forget)
redis.register_function{ function_name = 'bisectd_check', callback = check, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_get', callback = get, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_list', callback = list, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_depths', callback = depths, flags = { 'no-writes' } }
redis.register_function{ function_name = 'bisectd_moves', callback = moves, flags = { 'no-writes' } }
