/* linger.h — the last state of a connection: everything is said, and the
 * client gets the time to hear it. gwd-proxy only.
 *
 * Closing with anything unread would reset the connection, last words
 * included: some systems throw away what had arrived (RFC 9112 9.6). So what
 * the client still says is read and thrown away: as long as it talks, but not
 * for ever. */
#ifndef GW_PROXY_LINGER_H
#define GW_PROXY_LINGER_H

struct gw_conn;

/* It holds no work any more. With c->ssl the goodbye is still to be said, for
 * which a client that reads slowly has to make room within the listener's
 * body_timeout; what it had before that is long the kernel's. */
void gw_linger_begin(struct gw_conn *c);
void gw_linger_run(struct gw_conn *c);
void gw_linger_timeout(struct gw_conn *c);

#endif
