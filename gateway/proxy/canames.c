/* canames.c — see canames.h. */
#include "canames.h"
#include "certs.h"
#include "ossl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

GW_DEFINE_CLEANUP(BIO *, BIO_free)
GW_DEFINE_CLEANUP(X509 *, X509_free)

enum gw_err
gw_canames_add(STACK_OF(X509_NAME) *names, const struct gw_file *f,
	       struct gw_error *err)
{
	gw_auto(BIO_free) BIO *in = BIO_new_mem_buf(f->data, (int)f->len);
	gw_auto(X509_free) X509 *ca = NULL;
	X509_NAME *name;

	if (in != NULL)
		ca = PEM_read_bio_X509(in, NULL, gw_ossl_no_passphrase, NULL);
	if (ca == NULL)
		return gw_ossl_fail(err, f->name, "CA certificate");
	name = X509_NAME_dup(X509_get_subject_name(ca));
	if (name == NULL || sk_X509_NAME_push(names, name) == 0) {
		X509_NAME_free(name);
		return gw_ossl_fail(err, f->name, "CA certificate");
	}
	return GW_ERR_OK;
}

bool
gw_canames_set(SSL_CTX *ctx, const STACK_OF(X509_NAME) *names)
{
	STACK_OF(X509_NAME) *copy =
		names == NULL ? sk_X509_NAME_new_null()
			      : sk_X509_NAME_deep_copy(names, X509_NAME_dup,
						       X509_NAME_free);

	if (copy == NULL)
		return false;
	SSL_CTX_set_client_CA_list(ctx, copy); /* takes them */
	return true;
}

static bool
set_everywhere(SSL_CTX *dflt, const STACK_OF(X509_NAME) *names)
{
	SSL_CTX *ctx;
	bool ok = true;

	for (size_t i = 0; (ctx = gw_certs_context(dflt, i)) != NULL; i++)
		ok = gw_canames_set(ctx, names) && ok;
	return ok;
}

/* NULL when one cannot be read. */
static STACK_OF(X509_NAME) *
read_names(const uint8_t *der, size_t len)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	const uint8_t *p = der;

	while (names != NULL && p < der + len) {
		X509_NAME *name = d2i_X509_NAME(NULL, &p,
						(long)(der + len - p));

		if (name != NULL && sk_X509_NAME_push(names, name) > 0)
			continue;
		X509_NAME_free(name);
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		names = NULL;
	}
	ERR_clear_error();
	return names;
}

bool
gw_canames_check(const uint8_t *der, size_t len)
{
	STACK_OF(X509_NAME) *names = read_names(der, len);
	bool ok = names != NULL;

	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return ok;
}

bool
gw_canames_offer(SSL_CTX *dflt, const uint8_t *der, size_t len)
{
	STACK_OF(X509_NAME) *names = read_names(der, len);
	bool ok = names != NULL && set_everywhere(dflt, names);

	sk_X509_NAME_pop_free(names, X509_NAME_free);
	return ok;
}

bool
gw_canames_offer_same(SSL_CTX *dflt, const SSL_CTX *as)
{
	return set_everywhere(dflt, SSL_CTX_get_client_CA_list(as));
}
