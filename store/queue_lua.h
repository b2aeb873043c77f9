/* store/queue.lua as a string; the build makes queue_lua.c from it. */
#ifndef STORE_QUEUE_LUA_H
#define STORE_QUEUE_LUA_H

extern const char queue_lua[];

#endif
