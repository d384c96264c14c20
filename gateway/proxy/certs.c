/* certs.c — see certs.h. */
#include "certs.h"
#include "own.h"
#include "gw/util.h"

#include <string.h>

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
	struct gw_owncert *v;
	size_t n;
	struct group *groups;
	size_t group_count;
	struct name *names; /* sorted */
	size_t name_count;
	bool is_strict;
};

_Static_assert(GW_OWN_MAX <= 32, "members are bits");

static int slot = -1; /* of the set in its default context's ex_data */

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

/* A name in DNS has no more (RFC 1035, 2.3.4). */
#define ASKED_MAX 255

/* A star stands for exactly one label, the first (RFC 6125, 6.4.3). */
static const struct name *
find_name(const struct gw_certs *c, const char *asked)
{
	char text[ASKED_MAX + 2], *name = text + 1, *dot; /* a star, NUL */
	const struct name *found;

	if (!gw_copy(name, sizeof(text) - 1, asked) || *name == '*')
		return NULL;
	gw_own_lower(name);
	found = lookup(c, name);
	dot = strchr(name, '.');
	if (found != NULL || dot == NULL || dot == name)
		return found;
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

static struct gw_owncert *
find_leaf(const struct gw_certs *c, const X509 *leaf)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].leaf == leaf)
			return &c->v[i];
	return NULL;
}

/* OpenSSL has chosen the certificate by now. */
static int
on_status(SSL *ssl, void *arg)
{
	const struct gw_certs *c = arg;
	struct gw_owncert *x = find_leaf(c, SSL_get_certificate(ssl));

	return x != NULL && gw_owncert_staple(x, c->title, ssl)
		       ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
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
gw_certs_new(const struct gw_conf_listener *l,
	     const struct gw_owncert_files *files, size_t count,
	     struct gw_certs **out, struct gw_error *err)
{
	struct gw_certs *c = gw_xcalloc(1, sizeof(*c));
	enum gw_err rc = GW_ERR_OK;

	c->is_strict = l->strict_sni;
	if (!gw_copy(c->title, sizeof(c->title), l->title) || count == 0 ||
	    count > GW_OWN_MAX)
		rc = gw_fail(err, GW_ERR_FILE, "%s: %zu certificates",
			     l->title, count);
	else
		c->v = gw_xcalloc(count, sizeof(*c->v));
	for (size_t i = 0; i < count && rc == GW_ERR_OK; i++)
		rc = gw_owncert_read(l->title, &files[i], &c->v[c->n++], err);
	if (rc != GW_ERR_OK) {
		gw_certs_free(c);
		return rc;
	}
	make_groups(c);
	*out = c;
	return GW_ERR_OK;
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
		gw_owncert_clear(&c->v[i]);
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
		    !gw_owncert_use(&c->v[i], ctx))
			return false;
	if (SSL_CTX_set_tlsext_status_cb(ctx, on_status) != 1 ||
	    SSL_CTX_set_tlsext_status_arg(ctx, c) != 1)
		return false;
	g->ctx = ctx;
	return true;
}

bool
gw_certs_attach(struct gw_certs *c)
{
	SSL_CTX *dflt = c->groups[0].ctx;

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
