/* auth/http.h — one HTTP exchange as bytes in, bytes out. Linked into
 * gwd-auth. Moves nothing itself: the caller sends what gw_http_request()
 * gives and feeds what it receives, in pieces of any size. libcrypto's HTTP
 * client does the parsing; redirects are not followed. */
#ifndef GW_HTTP_H
#define GW_HTTP_H

#include "gw/compiler.h"
#include "gw/proto.h"
#include "url.h"

struct gw_http;

/* POST `body`; the answer must be of type `expected` and hold one DER
 * element of at most `max` bytes. NULL when libcrypto has no memory. */
struct gw_http *gw_http_new(const struct gw_url *url, const char *type,
			    struct gw_der body, const char *expected,
			    size_t max) GW_MUST_CHECK;
void gw_http_free(struct gw_http *h); /* NULL is fine */

/* The whole request; borrowed. */
struct gw_der gw_http_request(const struct gw_http *h);

enum gw_http_state { GW_HTTP_MORE, GW_HTTP_DONE, GW_HTTP_FAILED };

/* `is_end`: nothing will follow. */
enum gw_http_state gw_http_feed(struct gw_http *h, const void *p, size_t len,
				bool is_end);

struct gw_der gw_http_body(const struct gw_http *h); /* when DONE; borrowed */
const char *gw_http_error(const struct gw_http *h);  /* when FAILED */

#endif
