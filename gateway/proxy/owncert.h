/* owncert.h — one certificate of the gateway's own: read with its chain, key
 * and staple from what the supervisor has sent, and shown to clients.
 * gwd-proxy only. */
#ifndef GW_PROXY_OWNCERT_H
#define GW_PROXY_OWNCERT_H

#include <openssl/ssl.h>
#include "gw/proto.h"
#include "gw/strlist.h"

struct gw_owncert_files {
	const struct gw_file *cert, *key;
	const struct gw_file *staple; /* empty: none */
};

/* Not written after it was read, but for the note that the staple has ended. */
struct gw_owncert {
	X509 *leaf;
	STACK_OF(X509) *chain;
	EVP_PKEY *key;
	int type;                /* gw_own_key_type() */
	struct gw_strlist names; /* gw_own_names() */
	uint8_t *staple;         /* NULL: none, or no longer */
	size_t staple_len;
	time_t staple_until;
};

/* `title` is the listener's; nothing is borrowed. `out` is zeroed before, and
 * gw_owncert_clear()ed after, whatever came of it. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_owncert_read(const char *title,
					  const struct gw_owncert_files *f,
					  struct gw_owncert *out,
					  struct gw_error *err);
void gw_owncert_clear(struct gw_owncert *x);

/* One of those that the context may show; it refers to what `x` has. */
GW_MUST_CHECK bool gw_owncert_use(const struct gw_owncert *x, SSL_CTX *ctx);

/* Gives the handshake a copy of the staple; false when there is none that is
 * fresh. That it has ended is logged once. */
GW_MUST_CHECK bool gw_owncert_staple(struct gw_owncert *x, const char *title,
				     SSL *ssl);

#endif
