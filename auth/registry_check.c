/* registry_check.c — see registry_check.h. */
#include "registry_check.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SECURITY_BITS 112 /* what chain.c asks of every key in a path */
#define DAY           86400

enum gw_admin_err
gw_refuse(struct gw_refusal *why, enum gw_admin_err code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why->detail, sizeof(why->detail), fmt, ap);
	va_end(ap);
	return code;
}

/* The bytes of the one certificate of a PEM text. */
static enum gw_admin_err
read_pem(const uint8_t *pem, size_t len, X509 **out, struct gw_refusal *why)
{
	gw_auto(BIO_free_all) BIO *b = BIO_new_mem_buf(pem, (int)len);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	struct gw_error err = { .detail = "not a certificate in PEM form" };
	enum gw_err rc = GW_ERR_CERT_MALFORMED;
	long n = 0;

	if (b != NULL && PEM_read_bio(b, &name, &header, &der, &n) == 1 &&
	    strcmp(name, PEM_STRING_X509) == 0)
		rc = gw_cert_parse((struct gw_der){ der, (size_t)n }, out,
				   &err);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	ERR_clear_error();
	if (rc == GW_ERR_OK)
		return GW_ADMIN_OK;
	return gw_refuse(why, GW_ADMIN_INVALID_CERTIFICATE, "%s", err.detail);
}

static bool
is_alone(const uint8_t *pem, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	const uint8_t *p = memmem(pem, len, begin, sizeof(begin) - 1);

	return p == NULL || memmem(p + 1, len - (size_t)(p + 1 - pem), begin,
				   sizeof(begin) - 1) == NULL;
}

enum gw_admin_err
gw_registry_check_life(const X509 *x, bool allow_short, time_t now,
		       struct gw_refusal *why)
{
	long long left = gw_cert_not_after(x) - now;

	if (left <= 0)
		return gw_refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
				 "it ended %lld days ago", -left / DAY);
	if (left < (long long)GW_REGISTRY_DAYS * DAY && !allow_short)
		return gw_refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
				 "it ends in %lld days, less than %d; "
				 "--allow-short registers it all the same",
				 left / DAY, GW_REGISTRY_DAYS);
	return GW_ADMIN_OK;
}

static enum gw_admin_err
check_ca(X509 *x, struct gw_refusal *why)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	/* 1: basicConstraints says so; the other kinds of yes are guesses. */
	if (X509_check_ca(x) != 1)
		return gw_refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
				 "not a CA's: basicConstraints does not say "
				 "CA, or keyUsage forbids signing "
				 "certificates");
	if (key == NULL || EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return gw_refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
				 "its key is too weak; RSA of 2048 bits or "
				 "P-256 is the least");
	return GW_ADMIN_OK;
}

enum gw_admin_err
gw_registry_read(const uint8_t *pem, size_t len, X509 **out,
		 struct gw_refusal *why)
{
	gw_auto(X509_free) X509 *x = NULL;
	enum gw_admin_err rc;

	if (!is_alone(pem, len))
		return gw_refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
				 "more than one certificate; one is "
				 "registered at a time");
	rc = read_pem(pem, len, &x, why);
	if (rc == GW_ADMIN_OK)
		rc = check_ca(x, why);
	if (rc == GW_ADMIN_OK)
		*out = gw_steal(&x);
	return rc;
}
