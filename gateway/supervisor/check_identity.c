/* check_identity.c — the gateway's own certificates: whether each goes with
 * its key and staple, and whether a listener's can be told apart. */
#include "check.h"
#include "gw/util.h"

#include <string.h>
#include <time.h>

/* One of a listener's own certificates: where it stands, what it is. */
struct own {
	const char *section;
	size_t index;    /* of the section */
	size_t listener; /* index */
	const char *certificate, *key, *staple; /* paths */
	char subject[GW_SUBJECT_MAX];
	time_t begins, expires;
	time_t staple_until; /* 0: none */
	int key_type;
	struct gw_strlist names;
};

static int
own_line(const struct gw_check *k, const struct own *o, const char *key)
{
	return gw_check_line(k, o->section, o->index, key);
}

static void
note_certificate(struct own *o, struct gw_pem_cert *leaf)
{
	memcpy(o->subject, leaf->subject, sizeof(o->subject));
	o->begins = leaf->begins;
	o->expires = leaf->expires;
	o->key_type = leaf->key_type;
	o->names = leaf->names;
	leaf->names = (struct gw_strlist){ .n = 0 };
}

static bool
load_certificate(struct gw_check *k, struct own *o, struct gw_file *cert)
{
	int line = own_line(k, o, "certificate");
	struct gw_pem_list list;
	bool ok;

	cert->purpose = GW_FILE_SERVER_CERT;
	if (!gw_check_load(k, line, "certificate", o->certificate, cert))
		return false;
	ok = gw_pem_certs(cert->data, cert->len, &list);
	if (!ok)
		(void)gw_complain(k->c, line, "certificate: %s: certificate "
				  "%zu cannot be parsed", o->certificate,
				  list.n + 1);
	else if (list.n == 0)
		ok = gw_complain(k->c, line, "certificate: %s: holds no "
				 "certificate in PEM form", o->certificate);
	else
		note_certificate(o, &list.v[0]);
	gw_pem_clear(&list);
	return ok;
}

static bool
check_pair(struct gw_check *k, const struct own *o, const struct gw_file *cert,
	   const struct gw_file *key)
{
	static const char *const wrong[] = {
		[GW_PEM_KEY_NONE] = "holds no private key in PEM form",
		[GW_PEM_KEY_ENCRYPTED] = "is encrypted; gwd cannot ask for a "
			"passphrase (openssl pkey writes it without)",
		[GW_PEM_KEY_OTHER] = "is not the key of the certificate",
		[GW_PEM_KEY_WEAK] = "is too weak; RSA of 2048 bits or P-256 "
			"is the least",
	};
	enum gw_pem_key r = gw_pem_check_key(cert->data, cert->len,
					     key->data, key->len);

	if (r == GW_PEM_KEY_OK)
		return true;
	return gw_complain(k->c, own_line(k, o, "key"), "key: %s: %s", o->key,
			   wrong[r]);
}

/* An answer that has ended is no reason to stay away, only to go without. */
static bool
load_staple(struct gw_check *k, struct own *o, const struct gw_file *cert,
	    struct gw_file *staple)
{
	int line = own_line(k, o, "staple");
	enum gw_staple s;

	if (*o->staple == '\0') {
		staple->data = gw_xcalloc(1, 1);
		return true;
	}
	if (!gw_check_load(k, line, "staple", o->staple, staple))
		return false;
	s = gw_pem_check_staple(cert->data, cert->len, staple->data,
				staple->len, time(NULL), &o->staple_until);
	if (s == GW_STAPLE_OK)
		return true;
	if (s != GW_STAPLE_OVER && s != GW_STAPLE_EARLY)
		return gw_complain(k->c, line, "staple: %s %s", o->staple,
				   gw_staple_text(s));
	gw_setup_warn(k->s, line, "staple: %s %s; it is not sent", o->staple,
		      gw_staple_text(s));
	return true;
}

static void
warn_of_dates(struct gw_check *k, const struct own *o)
{
	int line = own_line(k, o, "certificate");
	time_t now = time(NULL);

	if (o->expires < now)
		gw_setup_warn(k->s, line, "certificate: %s has expired; "
			      "clients will refuse it", o->certificate);
	else if (o->begins > now)
		gw_setup_warn(k->s, line, "certificate: %s is not valid yet; "
			      "clients will refuse it", o->certificate);
}

/* Nothing would choose between the two. */
static bool
check_beside(struct gw_check *k, const struct own *all, size_t i)
{
	const struct own *o = &all[i];

	if (o->names.n == 0 && i > 0)
		return gw_complain(k->c, own_line(k, o, "certificate"),
				   "certificate: %s has no DNS name by which "
				   "it could be chosen", o->certificate);
	for (size_t j = 0; j < i; j++) {
		const char *name = gw_own_shared_name(&all[j].names,
						      &o->names);

		if (name == NULL || all[j].key_type != o->key_type)
			continue;
		return gw_complain(k->c, own_line(k, o, "certificate"),
				   "certificate: %s: %s is already the name of "
				   "%s (line %d), whose key is of the same "
				   "type", o->certificate, name,
				   all[j].certificate,
				   own_line(k, &all[j], "certificate"));
	}
	return true;
}

static void
keep_as(struct gw_setup *s, const char *title, struct gw_file *f)
{
	gw_assert(gw_copy(f->name, sizeof(f->name), title));
	gw_setup_keep(s, f);
}

static bool
load_own(struct gw_check *k, struct own *all, size_t i)
{
	struct own *o = &all[i];
	const char *title = k->s->conf.listeners[o->listener].title;
	struct gw_file cert = { .data = NULL };
	struct gw_file key = { .purpose = GW_FILE_SERVER_KEY };
	struct gw_file staple = { .purpose = GW_FILE_SERVER_STAPLE };
	bool ok = load_certificate(k, o, &cert) &&
		  gw_check_load(k, own_line(k, o, "key"), "key", o->key,
				&key) &&
		  check_pair(k, o, &cert, &key) && check_beside(k, all, i) &&
		  load_staple(k, o, &cert, &staple);

	if (ok) {
		warn_of_dates(k, o);
		keep_as(k->s, title, &cert);
		keep_as(k->s, title, &key);
		keep_as(k->s, title, &staple);
	}
	gw_file_clear(&cert);
	gw_file_clear(&key);
	gw_file_clear(&staple);
	return ok;
}

/* The default's, then those of the sections identity. False when there are
 * too many. */
static bool
list_own(struct gw_check *k, size_t listener, struct own all[GW_OWN_MAX],
	 size_t *out_n)
{
	const struct gw_conf *c = &k->s->conf;
	const struct gw_conf_listener *l = &c->listeners[listener];
	size_t n = 0;

	all[n++] = (struct own){ .section = "listener", .index = listener,
				 .listener = listener,
				 .certificate = l->certificate, .key = l->key,
				 .staple = l->staple };
	for (size_t i = 0; i < c->identity_count; i++) {
		const struct gw_conf_identity *x = &c->identities[i];

		if (strcmp(x->listener, l->title) != 0)
			continue;
		if (n == GW_OWN_MAX)
			return gw_complain(k->c,
					   gw_check_line(k, "identity", i,
							 NULL),
					   "more than %d certificates in one "
					   "listener", GW_OWN_MAX);
		all[n++] = (struct own){ .section = "identity", .index = i,
					 .listener = listener,
					 .certificate = x->certificate,
					 .key = x->key, .staple = x->staple };
	}
	*out_n = n;
	return true;
}

/* What ends first of them all is what matters. */
static void
note_first_end(time_t *to, time_t end)
{
	if (end != 0 && (*to == 0 || end < *to))
		*to = end;
}

bool
gw_check_identities(struct gw_check *k, size_t listener)
{
	struct gw_setup_listener *sl = &k->s->listeners[listener];
	struct own all[GW_OWN_MAX] = { { .section = NULL } };
	size_t n = 0;
	bool ok = list_own(k, listener, all, &n);

	for (size_t i = 0; ok && i < n; i++) {
		ok = load_own(k, all, i);
		if (i == 0)
			memcpy(sl->subject, all[0].subject,
			       sizeof(sl->subject));
		note_first_end(&sl->expires, all[i].expires);
		note_first_end(&sl->staple_until, all[i].staple_until);
	}
	for (size_t i = 0; i < n; i++)
		gw_strlist_clear(&all[i].names);
	return ok;
}
