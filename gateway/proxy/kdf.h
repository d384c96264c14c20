/* kdf.h — the derivation of keys in TLS 1.3 (RFC 8446 7.1), for OpenSSL to
 * find in place of its own. gwd-proxy only.
 *
 * A connection derives 22 times, for each of which OpenSSL 3.0 makes and frees
 * some twenty objects: that takes as long again as the hashing. Here nothing is
 * kept, and nothing made but what two digests need. It does what libssl asks
 * for and no more: SHA-256 and SHA-384, no more bytes than the hash has, no
 * secret longer than that hash's block. Anything else fails, and with it the
 * handshake. */
#ifndef GW_PROXY_KDF_H
#define GW_PROXY_KDF_H

#include <openssl/core_dispatch.h>

/* As OpenSSL calls it. */
#define GW_KDF_NAME "TLS13-KDF"
extern const OSSL_DISPATCH gw_kdf[];

/* Before it is called, and after. */
void gw_kdf_init(void);
void gw_kdf_clear(void);

#endif
