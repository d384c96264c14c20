/* owncert.c — see owncert.h. */
#include "owncert.h"
#include "ossl.h"
#include "own.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

GW_DEFINE_CLEANUP(BIO *, BIO_free)

/* ---- reading */

static bool
read_chain(const struct gw_file *f, struct gw_owncert *out)
{
	gw_auto(BIO_free) BIO *in = BIO_new_mem_buf(f->data, (int)f->len);
	X509 *next;

	out->chain = sk_X509_new_null();
	if (in == NULL || out->chain == NULL)
		return false;
	out->leaf = PEM_read_bio_X509_AUX(in, NULL, gw_ossl_no_passphrase,
					  NULL);
	if (out->leaf == NULL)
		return false;
	while ((next = PEM_read_bio_X509(in, NULL, gw_ossl_no_passphrase,
					 NULL)) != NULL)
		if (sk_X509_push(out->chain, next) == 0) {
			X509_free(next);
			return false;
		}
	ERR_clear_error(); /* the end of the file */
	return true;
}

static bool
read_key(const struct gw_file *f, struct gw_owncert *out)
{
	gw_auto(BIO_free) BIO *in = BIO_new_mem_buf(f->data, (int)f->len);

	if (in != NULL)
		out->key = PEM_read_bio_PrivateKey(
			in, NULL, gw_ossl_no_passphrase, NULL);
	return out->key != NULL &&
	       X509_check_private_key(out->leaf, out->key) == 1;
}

/* fail closed: one that is not surely about our certificate, and fresh, is
 * never sent; clients then ask for themselves. gwd has warned of it. */
static void
read_staple(const char *title, const struct gw_file *f,
	    struct gw_owncert *out)
{
	enum gw_staple s;

	if (f == NULL || f->len == 0)
		return;
	s = gw_own_judge_staple(f->data, f->len, out->leaf, out->chain,
				time(NULL), &out->staple_until);
	if (s != GW_STAPLE_OK) {
		gw_event(GW_LOG_DEBUG, "staple-not-used", "listener", title,
			 "detail", gw_staple_text(s), NULL);
		return;
	}
	out->staple = gw_xcalloc(f->len, 1);
	memcpy(out->staple, f->data, f->len);
	out->staple_len = f->len;
}

enum gw_err
gw_owncert_read(const char *title, const struct gw_owncert_files *f,
		struct gw_owncert *out, struct gw_error *err)
{
	if (f->cert == NULL || !read_chain(f->cert, out))
		return gw_ossl_fail(err, title, "certificate");
	if (f->key == NULL || !read_key(f->key, out))
		return gw_ossl_fail(err, title, "key");
	out->type = gw_own_key_type(out->leaf);
	gw_own_names(out->leaf, &out->names);
	read_staple(title, f->staple, out);
	return GW_ERR_OK;
}

void
gw_owncert_clear(struct gw_owncert *x)
{
	X509_free(x->leaf);
	sk_X509_pop_free(x->chain, X509_free);
	EVP_PKEY_free(x->key);
	gw_strlist_clear(&x->names);
	free(x->staple);
}

/* ---- showing */

bool
gw_owncert_use(const struct gw_owncert *x, SSL_CTX *ctx)
{
	return SSL_CTX_use_cert_and_key(ctx, x->leaf, x->key, x->chain, 1) == 1;
}

static bool
is_fresh(struct gw_owncert *x, const char *title)
{
	if (x->staple == NULL)
		return false;
	if (time(NULL) < x->staple_until)
		return true;
	gw_event(GW_LOG_WARN, "staple-ended", "listener", title, "name",
		 x->names.n > 0 ? x->names.v[0] : "", NULL);
	free(x->staple);
	x->staple = NULL;
	return false;
}

bool
gw_owncert_staple(struct gw_owncert *x, const char *title, SSL *ssl)
{
	uint8_t *copy;

	if (!is_fresh(x, title))
		return false;
	copy = OPENSSL_memdup(x->staple, x->staple_len);
	if (copy == NULL)
		return false;
	/* takes the copy */
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)x->staple_len);
	return true;
}
