/* ossl.h — what every file needs that has OpenSSL read something. gwd-proxy
 * only. */
#ifndef GW_PROXY_OSSL_H
#define GW_PROXY_OSSL_H

#include "gw/error.h"

/* GW_ERR_FILE: "whose: what: " and OpenSSL's words, whose queue is empty
 * afterwards. */
enum gw_err gw_ossl_fail(struct gw_error *err, const char *whose,
			 const char *what);

/* A pem_password_cb: a daemon has nobody to ask. */
int gw_ossl_no_passphrase(char *buf, int size, int rwflag, void *ctx);

#endif
