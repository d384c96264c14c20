/* context.h — how the gateway speaks TLS at one listener. gwd-proxy only.
 *
 * TLS 1.2 and 1.3; no renegotiation, compression or early data. A session is
 * taken up again only where the listener allows it: see resume.h. One context
 * for each thread: they are never shared between threads, their locks are the
 * top of a handshake's profile. */
#ifndef GW_PROXY_CONTEXT_H
#define GW_PROXY_CONTEXT_H

#include <openssl/ssl.h>
#include "gw/conf.h"
#include "certs.h"
#include "resume.h"

struct gw_context_setup {
	const struct gw_conf_listener *listener;
	const struct gw_owncert_files *files; /* the default first */
	size_t file_count;
	const STACK_OF(X509_NAME) *ca_names;  /* offered; NULL: none */
	struct gw_resumption *resumption;     /* outlives the context */
};

/* The default one, which hands over to others by the name that a client asks
 * for. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_context_new(const struct gw_context_setup *s,
					 SSL_CTX **out, struct gw_error *err);

#endif
