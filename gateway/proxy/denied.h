/* denied.h — the connection of a client that is not admitted. gwd-proxy only.
 *
 * Its bytes reach neither the HTTP parser nor an upstream: a scanner looks
 * for the end of the head in at most 8 KiB, and for what the client accepts;
 * then it gets one page with the reason, and the connection ends. */
#ifndef GW_PROXY_DENIED_H
#define GW_PROXY_DENIED_H

#include "http.h"

struct gw_conn;

void gw_denied_run(struct gw_conn *c);
void gw_denied_timeout(struct gw_conn *c);

/* Whether the head is complete within what is there. What was looked at is
 * not looked at again: both start as 0 and are kept between calls. */
bool gw_denied_has_head(const char *p, size_t len, size_t *scanned,
			bool *has_text);
/* The value of the first Accept field; empty when there is none. */
struct gw_str gw_denied_accept(const char *p, size_t len);

#endif
