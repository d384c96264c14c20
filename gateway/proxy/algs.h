/* algs.h — which algorithms OpenSSL finds where. gwd-proxy only.
 *
 * Reading one certificate walks all key types and decoders that the library
 * context holds, which took 250 us: more than its handshake's cryptography. So
 * TLS has a context of its own, with the default provider's algorithms less
 * the keys and decoders that no client's certificate needs; and the threads
 * that serve connections have one with none at all as their default, for the
 * certificate in a session ticket, which OpenSSL reads by the default and
 * whose key nobody uses. */
#ifndef GW_PROXY_ALGS_H
#define GW_PROXY_ALGS_H

#include <openssl/types.h>

/* Once, before the first thread. */
void gw_algs_init(void);
/* After the last context and thread. */
void gw_algs_clear(void);

/* For SSL_CTX_new_ex(). Reads no private keys: they come from elsewhere. */
OSSL_LIB_CTX *gw_algs_tls(void);
/* From here on, on this thread, what names no context finds no algorithm:
 * EVP_sha256(), RAND_bytes() and their like fail. */
void gw_algs_none(void);

#endif
