/* tunnel.h — an upgraded connection: bytes go both ways, unread. gwd-proxy
 * only. Each direction has one buffer, and only while bytes are in flight;
 * what cannot be written is not read any further.
 *
 * Nothing in the bytes tells us what is whole, so that the server must hear
 * how its client went: close_notify becomes a FIN, and the server may answer
 * on. Anything else, a FIN alone as well, is what an attacker on the way can
 * bring about (RFC 8446 6.1): the server gets what had come, and then a
 * reset. */
#ifndef GW_PROXY_TUNNEL_H
#define GW_PROXY_TUNNEL_H

#include "ws.h"

struct gw_conn;

/* The upstream has said 101 and the answer lies in c->out: from here on
 * c->in goes to c->up and back to c->out. */
void gw_tunnel_begin(struct gw_conn *c);
void gw_tunnel_run(struct gw_conn *c);
void gw_tunnel_timeout(struct gw_conn *c);
/* At once. A WebSocket client gets a Close frame with the reason when the
 * server's last frame has gone out whole; within one it cannot be said. */
void gw_tunnel_end(struct gw_conn *c, enum gw_ws_code code, const char *why);

#endif
