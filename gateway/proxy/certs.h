/* certs.h — the gateway's own certificates at one listener and which of them
 * a client is shown. gwd-proxy only. One set per listener and thread, as its
 * contexts are.
 *
 * Certificates that share a name and differ in the type of their key form a
 * group; each group has a context, in which OpenSSL chooses by what the client
 * can verify. The name the client asks for (SNI, RFC 6066) chooses the
 * context: the exact name before one with a star; who asks for no name, or for
 * an unknown one, gets the group of the first certificate, or with `strict_sni`
 * the alert unrecognized_name. */
#ifndef GW_PROXY_CERTS_H
#define GW_PROXY_CERTS_H

#include <openssl/ssl.h>
#include "gw/conf.h"
#include "owncert.h"

struct gw_certs;

/* Once, before the first set. */
void gw_certs_init(void);

/* Reads them; nothing is borrowed after the call. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_certs_new(const struct gw_conf_listener *l,
				       const struct gw_owncert_files *files,
				       size_t count, struct gw_certs **out,
				       struct gw_error *err);
/* Until it is attached; NULL is fine. */
void gw_certs_free(struct gw_certs *c);

/* How many contexts it takes; that of group 0 is the default. */
size_t gw_certs_groups(const struct gw_certs *c);
/* Gives the context the certificates of a group; then, in any order, each
 * group its context. False when OpenSSL will not have it. */
GW_MUST_CHECK bool gw_certs_use(struct gw_certs *c, size_t group,
				SSL_CTX *ctx);
/* All have theirs: from now on the set belongs to the default context and
 * ends with it. */
GW_MUST_CHECK bool gw_certs_attach(struct gw_certs *c);

/* The contexts of the set behind a default context; NULL at the end. */
SSL_CTX *gw_certs_context(SSL_CTX *dflt, size_t group);

#endif
