/* pem.c — see pem.h. */
#include "pem.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define SECURITY_BITS_MIN 112 /* RSA 2048, P-224 */

GW_DEFINE_CLEANUP(BIO *, BIO_free)
GW_DEFINE_CLEANUP(X509 *, X509_free)
GW_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)

static BIO *
reader_of(const uint8_t *text, size_t len)
{
	ERR_clear_error();
	return len <= INT32_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
}

static bool
at_end_of_pem(void)
{
	unsigned long e = ERR_peek_last_error();

	return ERR_GET_LIB(e) == ERR_LIB_PEM &&
	       ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static time_t
time_of(const ASN1_TIME *t)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(t, &tm) == 1 ? timegm(&tm) : 0;
}

static void
subject_of(X509 *x, char out[GW_SUBJECT_MAX])
{
	gw_auto(BIO_free) BIO *b = BIO_new(BIO_s_mem());
	int n = -1;

	if (b != NULL && X509_NAME_print_ex(b, X509_get_subject_name(x), 0,
					    XN_FLAG_RFC2253) >= 0)
		n = BIO_read(b, out, GW_SUBJECT_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
}

static bool
pem_of(X509 *x, struct gw_pem_cert *out)
{
	gw_auto(BIO_free) BIO *b = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (b == NULL || PEM_write_bio_X509(b, x) != 1)
		return false;
	n = BIO_get_mem_data(b, &p);
	if (n <= 0)
		return false;
	out->pem = gw_xcalloc((size_t)n, 1);
	out->len = (size_t)n;
	memcpy(out->pem, p, out->len);
	return true;
}

static bool
add(struct gw_pem_list *l, X509 *x)
{
	struct gw_pem_cert c = { .begins = time_of(X509_get0_notBefore(x)),
				 .expires = time_of(X509_get0_notAfter(x)),
				 .is_ca = X509_check_ca(x) != 0,
				 .key_type = gw_own_key_type(x) };

	subject_of(x, c.subject);
	if (!pem_of(x, &c))
		return false;
	gw_own_names(x, &c.names);
	l->v = gw_xrealloc(l->v, l->n + 1, sizeof(c));
	l->v[l->n++] = c;
	return true;
}

bool
gw_pem_certs(const uint8_t *text, size_t len, struct gw_pem_list *out)
{
	gw_auto(BIO_free) BIO *b = reader_of(text, len);

	*out = (struct gw_pem_list){ 0 };
	if (b == NULL)
		return false;
	for (;;) {
		gw_auto(X509_free) X509 *x =
			PEM_read_bio_X509(b, NULL, NULL, NULL);

		if (x == NULL)
			return at_end_of_pem();
		if (!add(out, x))
			return false;
	}
}

void
gw_pem_clear(struct gw_pem_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].pem);
		gw_strlist_clear(&l->v[i].names);
	}
	free(l->v);
	*l = (struct gw_pem_list){ 0 };
}

/* A daemon has nobody to ask for a passphrase. */
static int
no_passphrase(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

enum gw_pem_key
gw_pem_check_key(const uint8_t *cert, size_t cert_len, const uint8_t *key,
		 size_t key_len)
{
	gw_auto(BIO_free) BIO *cb = reader_of(cert, cert_len);
	gw_auto(BIO_free) BIO *kb = reader_of(key, key_len);
	gw_auto(X509_free) X509 *x = NULL;
	gw_auto(EVP_PKEY_free) EVP_PKEY *k = NULL;
	bool asked = false;

	if (cb != NULL)
		x = PEM_read_bio_X509(cb, NULL, NULL, NULL);
	if (kb != NULL)
		k = PEM_read_bio_PrivateKey(kb, NULL, no_passphrase, &asked);
	if (k == NULL)
		return asked ? GW_PEM_KEY_ENCRYPTED : GW_PEM_KEY_NONE;
	if (x == NULL || X509_check_private_key(x, k) != 1)
		return GW_PEM_KEY_OTHER;
	return EVP_PKEY_get_security_bits(k) < SECURITY_BITS_MIN
		       ? GW_PEM_KEY_WEAK : GW_PEM_KEY_OK;
}

static STACK_OF(X509) *
read_chain(BIO *b)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *x;

	while (chain != NULL &&
	       (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) != NULL)
		if (sk_X509_push(chain, x) == 0) {
			X509_free(x);
			break;
		}
	return chain;
}

enum gw_staple
gw_pem_check_staple(const uint8_t *cert, size_t cert_len, const uint8_t *der,
		    size_t len, time_t now, time_t *out_until)
{
	gw_auto(BIO_free) BIO *b = reader_of(cert, cert_len);
	gw_auto(X509_free) X509 *leaf =
		b != NULL ? PEM_read_bio_X509(b, NULL, NULL, NULL) : NULL;
	STACK_OF(X509) *chain = leaf != NULL ? read_chain(b) : NULL;
	enum gw_staple s = GW_STAPLE_MALFORMED;

	*out_until = 0;
	if (leaf != NULL)
		s = gw_own_judge_staple(der, len, leaf, chain, now,
					out_until);
	sk_X509_pop_free(chain, X509_free);
	return s;
}
