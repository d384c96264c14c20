/* gateway/supervisor/peer.h — the Unix socket of the operator API and who may
 * speak to it. Linked into gwd only. */
#ifndef GW_PEER_H
#define GW_PEER_H

#include "gw/error.h"

/* Binds and listens, mode 0660. A socket left behind by a gateway that died
 * is replaced; one that answers is not. GW_ERR_CONF with the reason. */
GW_MUST_CHECK enum gw_err gw_peer_listen(const char *path, int *out_fd,
					 struct gw_error *err);

/* Root, our own user, or a member of the group that owns the socket
 * `listener`. Asks the kernel about the peer, not the peer. */
GW_MUST_CHECK bool gw_peer_is_allowed(int fd, int listener);

#endif
