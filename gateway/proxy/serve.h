/* serve.h — the requests of an admitted client, one after the other: what
 * comes between exchanges. gwd-proxy only. */
#ifndef GW_PROXY_SERVE_H
#define GW_PROXY_SERVE_H

struct gw_conn;

void gw_serve_run(struct gw_conn *c);
void gw_serve_timeout(struct gw_conn *c);

#endif
