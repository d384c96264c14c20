/* reserve.h — descriptors kept back: some for the upstreams of those who are
 * in, and one for the whole process, given up for a moment to refuse a client
 * when none is left. gwd-proxy only; any thread.
 *
 * A client that nobody refuses would wait in the listening queue for as long
 * as others hold what there is. Descriptors belong to the process, so another
 * worker may snatch the place between giving up and taking: then the reserve
 * is lost, and whoever accepts next pays it back with what it has accepted. */
#ifndef GW_PROXY_RESERVE_H
#define GW_PROXY_RESERVE_H

#include "gw/compiler.h"

/* Of the process's limit, or an eighth of it when that is less. */
#define GW_RESERVE_UPSTREAM 256

/* Before the workers start, when the limit is what it will be; more than once
 * is no harm. */
void gw_reserve_init(void);

/* A client's connection that may not have this descriptor: the last ones are
 * for upstreams, or clients that only hold connections would keep everybody
 * else from theirs. */
bool gw_reserve_is_for_upstreams(int fd);

/* Again when it was lost and nothing was accepted since. False: there is no
 * descriptor to keep back now. */
bool gw_reserve_fill(void);

/* Takes one client from the queue of `listening` and closes it. False when
 * there was none, or its place was snatched: look again in a while. */
bool gw_reserve_refuse(int listening);

/* After each accept: true when `fd` was closed to fill the reserve again, and
 * its client is thereby refused. Costs one load while all is well. */
bool gw_reserve_claims(int fd);

#endif
