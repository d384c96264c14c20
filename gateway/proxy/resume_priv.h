/* resume_priv.h — what the two ways of taking up a session share. gwd-proxy
 * only; nothing but resume.c, resume_name.c and resume_seal.c includes it.
 *
 * A session says besides its keys when the card must prove itself anew, and
 * certificates: in TLS 1.2 those after the leaf, which OpenSSL keeps; in 1.3,
 * of a resumed one, all. Times are seconds of the wall clock. */
#ifndef GW_PROXY_RESUME_PRIV_H
#define GW_PROXY_RESUME_PRIV_H

#include "resume.h"

#define GW_RESUME_TIME 8 /* bytes of the time, which comes first */

/* Turn them on for a context. */
void gw_resume_by_name(SSL_CTX *ctx);
GW_MUST_CHECK bool gw_resume_by_seal(SSL_CTX *ctx);

struct gw_resumption *gw_resumption_of(SSL *ssl);
/* Whether the connection may have a ticket. */
bool gw_resume_may(const struct gw_conn *c);

void gw_resume_put_time(uint8_t *p, uint64_t t);
/* What the session says, borrowed; 0: nothing. */
size_t gw_resume_data(SSL_SESSION *s, const uint8_t **out);

/* When the card must prove itself anew; 0: at once. */
uint64_t gw_resume_end(const struct gw_conn *c);
/* Seconds until then; 0: over. */
uint64_t gw_resume_left_until(uint64_t end);
uint64_t gw_resume_left(SSL_SESSION *s);

#endif
