/* page.h — what the gateway itself answers: one page, HTML or JSON, for each
 * reason of the one list. gwd-proxy only. Pure: no I/O, no clock. */
#ifndef GW_PROXY_PAGE_H
#define GW_PROXY_PAGE_H

#include "http.h"

struct gw_page {
	enum gw_err reason;
	const char *request; /* id to quote to the help desk */
	time_t now;
	bool as_json;
	bool is_head;        /* the header section only */
	bool keep_alive;
};

/* Room that is always enough for a page. */
#define GW_PAGE_MAX 8192

/* A whole response: head and body. Besides the usual fields it says the
 * reason's name in X-Gwd-Reason, so that programs need not parse the body. */
void gw_page_write(struct gw_out *o, const struct gw_page *p);

/* The answer to OPTIONS that may not be forwarded: what passes. */
void gw_page_options(struct gw_out *o, time_t now, bool keep_alive);

/* Whether an Accept value asks for JSON rather than HTML. */
bool gw_page_prefers_json(struct gw_str accept);

#endif
