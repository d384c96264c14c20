/* certs.c — see certs.h. */
#include "certs.h"
#include "own.h"
#include "gw/log.h"
#include "gw/util.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

GW_DEFINE_CLEANUP(BIO *, BIO_free)

struct cert {
	X509 *leaf;
	STACK_OF(X509) *chain;
	EVP_PKEY *key;
	int type;
	struct gw_strlist names;
	uint8_t *staple;
	size_t staple_len;
	time_t staple_until;
};

struct group {
	uint32_t members; /* a bit for each certificate */
	SSL_CTX *ctx;
};

struct name {
	const char *text; /* of a certificate's list */
	size_t group;
};

struct gw_certs {
	char title[GW_NAME_MAX];
	struct cert *v;
	size_t n;
	struct group *groups;
	size_t group_count;
	struct name *names; /* sorted */
	size_t name_count;
	bool is_strict;
};

_Static_assert(GW_OWN_MAX <= 32, "members are bits");

static int slot = -1; /* of the set in its default context's ex_data */

/* ---- reading */

static enum gw_err
bad(const struct gw_certs *c, const char *what, struct gw_error *err)
{
	char text[120];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return gw_fail(err, GW_ERR_FILE, "%s: %s: %s", c->title, what, text);
}

static int
no_passphrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

static bool
read_chain(const struct gw_file *f, struct cert *out)
{
	gw_auto(BIO_free) BIO *in = BIO_new_mem_buf(f->data, (int)f->len);
	X509 *next;

	out->chain = sk_X509_new_null();
	if (in == NULL || out->chain == NULL)
		return false;
	out->leaf = PEM_read_bio_X509_AUX(in, NULL, no_passphrase, NULL);
	if (out->leaf == NULL)
		return false;
	while ((next = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)) !=
	       NULL)
		if (sk_X509_push(out->chain, next) == 0) {
			X509_free(next);
			return false;
		}
	ERR_clear_error(); /* the end of the file */
	return true;
}

static bool
read_key(const struct gw_file *f, struct cert *out)
{
	gw_auto(BIO_free) BIO *in = BIO_new_mem_buf(f->data, (int)f->len);

	if (in != NULL)
		out->key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase,
						   NULL);
	return out->key != NULL &&
	       X509_check_private_key(out->leaf, out->key) == 1;
}

/* fail closed: one that is not surely about our certificate, and fresh, is
 * never sent; clients then ask for themselves. gwd has warned of it. */
static void
read_staple(const struct gw_certs *c, const struct gw_file *f,
	    struct cert *out)
{
	enum gw_staple s;

	if (f == NULL || f->len == 0)
		return;
	s = gw_own_judge_staple(f->data, f->len, out->leaf, out->chain,
				time(NULL), &out->staple_until);
	if (s != GW_STAPLE_OK) {
		gw_event(GW_LOG_DEBUG, "staple-not-used", "listener", c->title,
			 "detail", gw_staple_text(s), NULL);
		return;
	}
	out->staple = gw_xcalloc(f->len, 1);
	memcpy(out->staple, f->data, f->len);
	out->staple_len = f->len;
}

static enum gw_err
read_one(struct gw_certs *c, const struct gw_cert_files *f,
	 struct gw_error *err)
{
	struct cert *x = &c->v[c->n++];

	if (f->cert == NULL || !read_chain(f->cert, x))
		return bad(c, "certificate", err);
	if (f->key == NULL || !read_key(f->key, x))
		return bad(c, "key", err);
	x->type = gw_own_key_type(x->leaf);
	gw_own_names(x->leaf, &x->names);
	read_staple(c, f->staple, x);
	return GW_ERR_OK;
}

/* ---- groups */

static bool
has_type(const struct gw_certs *c, uint32_t members, int type)
{
	for (size_t i = 0; i < c->n; i++)
		if ((members & 1u << i) != 0 && c->v[i].type == type)
			return true;
	return false;
}

static void
add_member(const struct gw_certs *c, uint32_t *members, size_t i)
{
	if (!has_type(c, *members, c->v[i].type))
		*members |= 1u << i;
}

/* The first certificate, and those that stand beside it. */
static uint32_t
default_members(const struct gw_certs *c)
{
	uint32_t members = 1;

	for (size_t i = 1; i < c->n; i++)
		if (gw_own_shared_name(&c->v[0].names, &c->v[i].names) != NULL)
			add_member(c, &members, i);
	return members;
}

static uint32_t
members_named(const struct gw_certs *c, const char *name)
{
	uint32_t members = 0;

	for (size_t i = 0; i < c->n; i++)
		if (gw_strlist_has(&c->v[i].names, name))
			add_member(c, &members, i);
	return members;
}

static size_t
group_of(struct gw_certs *c, uint32_t members)
{
	for (size_t i = 0; i < c->group_count; i++)
		if (c->groups[i].members == members)
			return i;
	c->groups = gw_xrealloc(c->groups, c->group_count + 1,
				sizeof(*c->groups));
	c->groups[c->group_count] = (struct group){ .members = members };
	return c->group_count++;
}

static int
by_text(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static void
make_groups(struct gw_certs *c)
{
	(void)group_of(c, default_members(c));
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j < c->v[i].names.n; j++) {
			const char *text = c->v[i].names.v[j];

			c->names = gw_xrealloc(c->names, c->name_count + 1,
					       sizeof(*c->names));
			c->names[c->name_count++] = (struct name){
				.text = text,
				.group = group_of(c, members_named(c, text)),
			};
		}
	if (c->name_count > 1)
		qsort(c->names, c->name_count, sizeof(*c->names), by_text);
}

/* ---- what OpenSSL asks */

static const struct name *
lookup(const struct gw_certs *c, const char *text)
{
	const struct name key = { .text = text };

	if (c->name_count == 0)
		return NULL;
	return bsearch(&key, c->names, c->name_count, sizeof(key), by_text);
}

/* A star stands for exactly one label, the first (RFC 6125, 6.4.3). */
static const struct name *
find_name(const struct gw_certs *c, const char *asked)
{
	char text[256 + 1];
	const struct name *found;
	char *dot;

	if (!gw_copy(text + 1, sizeof(text) - 1, asked))
		return NULL;
	for (char *p = text + 1; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	found = lookup(c, text + 1);
	if (found != NULL || text[1] == '*')
		return text[1] == '*' ? NULL : found;
	dot = strchr(text + 1, '.');
	if (dot == NULL || dot == text + 1)
		return NULL;
	dot[-1] = '*';
	return lookup(c, dot - 1);
}

static int
on_name(SSL *ssl, int *al, void *arg)
{
	const struct gw_certs *c = arg;
	const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct name *n = asked != NULL ? find_name(c, asked) : NULL;
	SSL_CTX *ctx;

	if (asked != NULL && *asked == '\0') { /* RFC 6066, 3: <1..2^16-1> */
		*al = SSL_AD_DECODE_ERROR;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	if (n == NULL && (asked == NULL || !c->is_strict))
		return SSL_TLSEXT_ERR_NOACK;
	*al = SSL_AD_UNRECOGNIZED_NAME;
	if (n == NULL)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	ctx = c->groups[n->group].ctx;
	*al = SSL_AD_INTERNAL_ERROR;
	if (SSL_get_SSL_CTX(ssl) != ctx && SSL_set_SSL_CTX(ssl, ctx) != ctx)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static struct cert *
find_leaf(const struct gw_certs *c, const X509 *leaf)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].leaf == leaf)
			return &c->v[i];
	return NULL;
}

static bool
is_fresh(const struct gw_certs *c, struct cert *x)
{
	if (x->staple == NULL)
		return false;
	if (time(NULL) < x->staple_until)
		return true;
	gw_event(GW_LOG_WARN, "staple-ended", "listener", c->title, "name",
		 x->names.n > 0 ? x->names.v[0] : "", NULL);
	free(x->staple); /* said once */
	x->staple = NULL;
	return false;
}

/* OpenSSL has chosen the certificate by now. */
static int
on_status(SSL *ssl, void *arg)
{
	struct gw_certs *c = arg;
	struct cert *x = find_leaf(c, SSL_get_certificate(ssl));
	uint8_t *copy;

	if (x == NULL || !is_fresh(c, x))
		return SSL_TLSEXT_ERR_NOACK;
	copy = OPENSSL_memdup(x->staple, x->staple_len);
	if (copy == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	/* takes the copy */
	SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)x->staple_len);
	return SSL_TLSEXT_ERR_OK;
}

/* ---- life */

static void
on_context_end(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index,
	       long argl, void *argp)
{
	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	gw_certs_free(ptr);
}

void
gw_certs_init(void)
{
	if (slot < 0)
		slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL,
						on_context_end);
	gw_assert(slot >= 0);
}

enum gw_err
gw_certs_new(const char *title, const struct gw_cert_files *files,
	     size_t count, struct gw_certs **out, struct gw_error *err)
{
	struct gw_certs *c = gw_xcalloc(1, sizeof(*c));
	enum gw_err rc = GW_ERR_OK;

	if (!gw_copy(c->title, sizeof(c->title), title) || count == 0 ||
	    count > GW_OWN_MAX)
		rc = gw_fail(err, GW_ERR_FILE, "%s: %zu certificates", title,
			     count);
	else
		c->v = gw_xcalloc(count, sizeof(*c->v));
	for (size_t i = 0; i < count && rc == GW_ERR_OK; i++)
		rc = read_one(c, &files[i], err);
	if (rc != GW_ERR_OK) {
		gw_certs_free(c);
		return rc;
	}
	make_groups(c);
	*out = c;
	return GW_ERR_OK;
}

static void
clear_cert(struct cert *x)
{
	X509_free(x->leaf);
	sk_X509_pop_free(x->chain, X509_free);
	EVP_PKEY_free(x->key);
	gw_strlist_clear(&x->names);
	free(x->staple);
}

void
gw_certs_free(struct gw_certs *c)
{
	if (c == NULL)
		return;
	/* the first is whom the set belongs to, and ends by itself */
	for (size_t i = 1; i < c->group_count; i++)
		SSL_CTX_free(c->groups[i].ctx);
	for (size_t i = 0; i < c->n; i++)
		clear_cert(&c->v[i]);
	free(c->groups);
	free(c->names);
	free(c->v);
	free(c);
}

size_t
gw_certs_groups(const struct gw_certs *c)
{
	return c->group_count;
}

bool
gw_certs_use(struct gw_certs *c, size_t group, SSL_CTX *ctx)
{
	struct group *g = &c->groups[group];

	for (size_t i = 0; i < c->n; i++)
		if ((g->members & 1u << i) != 0 &&
		    SSL_CTX_use_cert_and_key(ctx, c->v[i].leaf, c->v[i].key,
					     c->v[i].chain, 1) != 1)
			return false;
	if (SSL_CTX_set_tlsext_status_cb(ctx, on_status) != 1 ||
	    SSL_CTX_set_tlsext_status_arg(ctx, c) != 1)
		return false;
	g->ctx = ctx;
	return true;
}

bool
gw_certs_attach(struct gw_certs *c, bool is_strict)
{
	SSL_CTX *dflt = c->groups[0].ctx;

	c->is_strict = is_strict;
	return SSL_CTX_set_tlsext_servername_callback(dflt, on_name) == 1 &&
	       SSL_CTX_set_tlsext_servername_arg(dflt, c) == 1 &&
	       SSL_CTX_set_ex_data(dflt, slot, c) == 1;
}

SSL_CTX *
gw_certs_context(SSL_CTX *dflt, size_t group)
{
	const struct gw_certs *c = SSL_CTX_get_ex_data(dflt, slot);

	if (c == NULL)
		return group == 0 ? dflt : NULL;
	return group < c->group_count ? c->groups[group].ctx : NULL;
}
