/* ossl.c — see ossl.h. */
#include "ossl.h"

#include <openssl/err.h>

enum gw_err
gw_ossl_fail(struct gw_error *err, const char *whose, const char *what)
{
	char text[120];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return gw_fail(err, GW_ERR_FILE, "%s: %s: %s", whose, what, text);
}

int
gw_ossl_no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}
