/* reserve.h — one descriptor kept back for the whole process, given up for a
 * moment to refuse a client when none is left. gwd-proxy only; any thread.
 *
 * A client that nobody refuses would wait in the listening queue for as long
 * as others hold what there is. Descriptors belong to the process, so another
 * worker may snatch the place between giving up and taking: then the reserve
 * is lost, and whoever accepts next pays it back with what it has accepted. */
#ifndef GW_PROXY_RESERVE_H
#define GW_PROXY_RESERVE_H

#include "gw/compiler.h"

/* Before the workers start; again when it was lost and nothing was accepted
 * since. False: there is no descriptor to keep back now. */
bool gw_reserve_fill(void);

/* Takes one client from the queue of `listening` and closes it. False when
 * there was none, or its place was snatched: look again in a while. */
bool gw_reserve_refuse(int listening);

/* After each accept: true when `fd` was closed to fill the reserve again, and
 * its client is thereby refused. Costs one load while all is well. */
bool gw_reserve_claims(int fd);

#endif
