/* setup.c — see setup.h. A list of checks, each of which ends with the line
 * it complains about; files are read by the check that judges them. */
#include "setup.h"
#include "section.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TITLE_MAX       64
#define CAS_MAX         1000 /* certificates, all `ca` sections together */
#define KEYTAB_MIN      4    /* version and something */

struct check {
	struct gw_setup *s;
	struct gw_complaint *c;
	enum gw_setup_mode mode;
};

static int
line_of(const struct check *k, const char *section, size_t i, const char *key)
{
	return gw_source_line(&k->s->src, section, i, key);
}

/* ---- text */

static bool
consists_of(const char *s, const char *set)
{
	return *s != '\0' && s[strspn(s, set)] == '\0';
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool
is_host(const char *s)
{
	return consists_of(s, LETTERS DIGITS ".-") && strlen(s) < GW_HOST_MAX &&
	       *s != '.' && *s != '-';
}

static bool
is_title(const char *s)
{
	return consists_of(s, LETTERS DIGITS " ._-:@") &&
	       strlen(s) <= TITLE_MAX;
}

/* ---- what the table says of every key */

static bool
is_empty(void *instance, const struct gw_conf_key *key)
{
	void *p = (char *)instance + key->offset;

	if (key->type == GW_CT_LIST)
		return ((struct gw_strlist *)p)->n == 0;
	return key->type == GW_CT_STR && **(char **)p == '\0';
}

static bool
check_required(struct check *k, const struct gw_conf_section *s, size_t i)
{
	void *in = gw_section_at(&k->s->conf, s, i);

	for (size_t j = 0; j < s->key_count; j++) {
		const struct gw_conf_key *key = &s->keys[j];

		if ((key->flags & GW_CF_REQUIRED) == 0 || !is_empty(in, key))
			continue;
		return gw_complain(k->c, line_of(k, s->name, i, key->name),
				   "%s%s%s is missing: %s", s->name,
				   *s->name != '\0' ? "." : "", key->name,
				   key->doc);
	}
	return true;
}

static bool
is_needed(const struct check *k, const struct gw_conf_section *s)
{
	return strcmp(s->name, "directory") != 0 ||
	       gw_source_has(&k->s->src, s->name) ||
	       gw_setup_needs_kdc(&k->s->conf);
}

static bool
check_all_required(struct check *k)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = gw_section_count(&k->s->conf, s);

		for (size_t j = 0; j < n && is_needed(k, s); j++)
			if (!check_required(k, s, j))
				return false;
	}
	return true;
}

/* Titles travel through messages, logs and gwctl. A route's is a path. */
static bool
check_titles(struct check *k)
{
	for (size_t i = 0; i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = s->is_titled && s->parent == NULL
				   ? gw_section_count(&k->s->conf, s) : 0;

		for (size_t j = 0; j < n; j++) {
			char *in = gw_section_at(&k->s->conf, s, j);
			char *title = *(char **)(void *)(in + s->title_offset);

			if (!is_title(title))
				return gw_complain(k->c, line_of(k, s->name, j,
								 NULL),
					"the title of this %s must be 1 to %d "
					"letters, digits, spaces or ._-:@",
					s->name, TITLE_MAX);
		}
	}
	return true;
}

/* One message must hold one section. */
static bool
check_sizes(struct check *k)
{
	uint8_t *buf = gw_xcalloc(GW_PAYLOAD_MAX, 1);
	bool ok = true;

	for (size_t i = 0; ok && i < gw_conf_section_count; i++) {
		const struct gw_conf_section *s = &gw_conf_sections[i];
		size_t n = gw_section_count(&k->s->conf, s);

		for (size_t j = 0; ok && j < n; j++) {
			struct gw_wr w = gw_wr_init(buf, GW_PAYLOAD_MAX);

			gw_conf_encode(&w, s, gw_section_at(&k->s->conf, s,
							    j));
			if (w.bad)
				ok = gw_complain(k->c, line_of(k, s->name, j,
							       NULL),
						 "this section is larger than "
						 "%d bytes", GW_PAYLOAD_MAX);
		}
	}
	free(buf);
	return ok;
}

/* ---- top level */

static bool
check_log_level(struct check *k)
{
	static const char *const levels[] = { "error", "warning", "info",
					      "debug" };
	const char *level = k->s->conf.main.log_level;

	for (size_t i = 0; i < GW_COUNT(levels); i++)
		if (strcmp(level, levels[i]) == 0)
			return true;
	return gw_complain(k->c, line_of(k, "", 0, "log_level"),
			   "log_level: '%s' is not one of "
			   "error|warning|info|debug", level);
}

static bool
check_paths(struct check *k)
{
	const struct gw_conf_main *m = &k->s->conf.main;

	if (m->socket[0] != '/' ||
	    strlen(m->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return gw_complain(k->c, line_of(k, "", 0, "socket"),
				   "socket: '%s' must be an absolute path of "
				   "at most 107 bytes", m->socket);
	if (m->state_dir[0] != '/')
		return gw_complain(k->c, line_of(k, "", 0, "state_dir"),
				   "state_dir: '%s' must be an absolute path",
				   m->state_dir);
	if (*m->crl_dir != '\0' &&
	    (m->crl_dir[0] != '/' ||
	     m->crl_dir[strlen(m->crl_dir) - 1] == '/'))
		return gw_complain(k->c, line_of(k, "", 0, "crl_dir"),
				   "crl_dir: '%s' must be an absolute path "
				   "without a slash at its end", m->crl_dir);
	return true;
}

static void
resolve_workers(struct gw_setup *s)
{
	cpu_set_t set;

	if (s->conf.main.workers != 0)
		return;
	s->conf.main.workers = 1;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		s->conf.main.workers = GW_MIN(CPU_COUNT(&set), 256);
}

static bool
check_user(struct check *k, const char *key, const char *spec,
	   struct gw_user *out)
{
	int line = line_of(k, "", 0, key);

	if (!gw_user_find(spec, out))
		return gw_complain(k->c, line,
				   "%s: there is no user '%s'; create it "
				   "(systemd-sysusers, or useradd --system %s) "
				   "or give another as name or UID:GID", key,
				   spec, spec);
	if (out->uid == 0 || out->gid == 0)
		return gw_complain(k->c, line,
				   "%s: '%s' is root; the three processes must "
				   "not be", key, spec);
	return true;
}

/* Only root can change users; started by anybody else, all run as he. */
static bool
check_users(struct check *k)
{
	const struct gw_conf_main *m = &k->s->conf.main;
	struct gw_user *u = k->s->users;

	if (geteuid() != 0)
		return true;
	k->s->has_users = true;
	return check_user(k, "proxy_user", m->proxy_user,
			  &u[GW_CHILD_PROXY]) &&
	       check_user(k, "auth_user", m->auth_user, &u[GW_CHILD_AUTH]) &&
	       check_user(k, "kdc_user", m->kdc_user, &u[GW_CHILD_KDC]);
}

/* A keytab the proxy's user owns would be no secret from it. */
static bool
check_users_differ(struct check *k)
{
	const struct gw_user *u = k->s->users;

	uid_t proxy = u[GW_CHILD_PROXY].uid, auth = u[GW_CHILD_AUTH].uid;
	uid_t kdc = u[GW_CHILD_KDC].uid;

	if (!k->s->has_users ||
	    (proxy != auth && proxy != kdc && auth != kdc))
		return true;
	return gw_complain(k->c, line_of(k, "", 0, "kdc_user"),
			   "proxy_user, auth_user and kdc_user must be three "
			   "different users");
}

/* ---- files */

/* Relative paths start where the configuration file is. */
static char *
full_path(const struct gw_setup *s, const char *path)
{
	const char *slash = strrchr(s->path, '/');

	if (*path == '/' || slash == NULL)
		return gw_xstrdup(path);
	return gw_xasprintf("%.*s/%s", (int)(slash - s->path), s->path, path);
}

static const char *
read_all(int fd, struct gw_file *f)
{
	ssize_t n;

	f->data = gw_xcalloc(GW_FILE_MAX + 1, 1);
	while ((n = read(fd, f->data + f->len, GW_FILE_MAX + 1 - f->len)) > 0)
		f->len += (size_t)n;
	if (n < 0)
		return strerror(errno);
	return f->len > GW_FILE_MAX ? "larger than 60000 bytes" : NULL;
}

/* NULL, or what is wrong with the file. */
static const char *
open_and_read(const char *path, bool is_secret, struct gw_file *f)
{
	/* not blocked by a FIFO */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL;
	struct stat st;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st) != 0)
		wrong = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		wrong = "not a regular file";
	else if (is_secret && (st.st_mode & 07) != 0)
		wrong = "open to every user of this machine; "
			"take that away (chmod o= FILE)";
	else
		wrong = read_all(fd, f);
	gw_close(&fd);
	return wrong;
}

static bool
load(struct check *k, int line, const char *key, const char *path,
     struct gw_file *out)
{
	bool is_secret = out->purpose == GW_FILE_SERVER_KEY ||
			 out->purpose == GW_FILE_KEYTAB;
	gw_auto(free) char *full = full_path(k->s, path);
	const char *wrong = open_and_read(full, is_secret, out);

	if (wrong == NULL)
		return true;
	gw_file_clear(out);
	return gw_complain(k->c, line, "%s: %s: %s", key, full, wrong);
}

static void
keep(struct gw_setup *s, struct gw_file *f)
{
	s->files = gw_xrealloc(s->files, s->file_count + 1, sizeof(*f));
	s->files[s->file_count++] = *f;
	*f = (struct gw_file){ .data = NULL };
}

/* One certificate as a file of its own. */
static void
keep_cert(struct gw_setup *s, enum gw_file_purpose purpose, const char *name,
	  struct gw_pem_cert *c)
{
	struct gw_file f = { .purpose = purpose, .data = c->pem,
			     .len = c->len };

	gw_assert(gw_copy(f.name, sizeof(f.name), name));
	c->pem = NULL;
	keep(s, &f);
}

/* ---- directory */

static bool
check_domain_controllers(struct check *k)
{
	const struct gw_strlist *l =
		&k->s->conf.directory.domain_controllers;

	for (size_t i = 0; i < l->n; i++) {
		gw_auto(free) char *name = gw_xstrdup(l->v[i]);
		char *at = strchr(name, '@');
		unsigned char raw[sizeof(struct in6_addr)];

		if (at != NULL)
			*at++ = '\0';
		if (is_host(name) && (at == NULL ||
				      inet_pton(AF_INET, at, raw) == 1 ||
				      inet_pton(AF_INET6, at, raw) == 1))
			continue;
		return gw_complain(k->c, line_of(k, "directory", 0,
						 "domain_controllers"),
				   "domain_controllers: '%s' is not NAME or "
				   "NAME@ADDRESS", l->v[i]);
	}
	return true;
}

static bool
check_keytab(struct check *k)
{
	int line = line_of(k, "directory", 0, "keytab");
	struct gw_file f = { .purpose = GW_FILE_KEYTAB };
	const char *path = k->s->conf.directory.keytab;

	if (!load(k, line, "keytab", path, &f))
		return false;
	if (f.len < KEYTAB_MIN || f.data[0] != 0x05 || f.data[1] != 0x02) {
		gw_file_clear(&f);
		return gw_complain(k->c, line, "keytab: %s: not a keytab (it "
				   "would start with the bytes 05 02)", path);
	}
	keep(k->s, &f);
	return true;
}

static bool
check_directory(struct check *k)
{
	const struct gw_conf_directory *d = &k->s->conf.directory;

	if (!is_needed(k, &gw_conf_sections[1]))
		return true;
	if (!consists_of(d->realm, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS ".-"))
		return gw_complain(k->c, line_of(k, "directory", 0, "realm"),
				   "realm: '%s' is not a realm; Active "
				   "Directory's are the domain's name in "
				   "capitals", d->realm);
	if (!is_host(d->domain))
		return gw_complain(k->c, line_of(k, "directory", 0, "domain"),
				   "domain: '%s' is not a domain name",
				   d->domain);
	if (strpbrk(d->service_account, "@/\\\"") != NULL)
		return gw_complain(k->c, line_of(k, "directory", 0,
						 "service_account"),
				   "service_account: '%s': give the "
				   "sAMAccountName alone, without realm or "
				   "domain", d->service_account);
	return check_domain_controllers(k) && check_keytab(k);
}

/* ---- certificate authorities */

static bool
load_ca(struct check *k, size_t i)
{
	const struct gw_conf_ca *ca = &k->s->conf.cas[i];
	int line = line_of(k, "ca", i, "file");
	struct gw_file f = { .purpose = GW_FILE_CA };
	struct gw_pem_list l;
	bool ok;

	if (!load(k, line, "file", ca->file, &f))
		return false;
	ok = gw_pem_certs(f.data, f.len, &l);
	gw_file_clear(&f);
	if (!ok)
		(void)gw_complain(k->c, line, "file: %s: certificate %zu "
				  "cannot be parsed", ca->file, l.n + 1);
	else if (l.n == 0)
		ok = gw_complain(k->c, line, "file: %s: holds no certificate "
				 "in PEM form (a DER file is converted by "
				 "openssl x509 -inform DER)", ca->file);
	for (size_t j = 0; ok && j < l.n; j++) {
		if (!l.v[j].is_ca)
			ok = gw_complain(k->c, line, "file: %s: certificate "
					 "%zu (%s) is not a CA's", ca->file,
					 j + 1, l.v[j].subject);
		else
			keep_cert(k->s, GW_FILE_CA, ca->title, &l.v[j]);
	}
	gw_pem_clear(&l);
	return ok;
}

static bool
check_ca(struct check *k, size_t i)
{
	const char *key;
	struct gw_error err;

	if (gw_conf_ca_check(&k->s->conf.cas[i], k->s->conf.main.crl_dir, &key,
			     &err) == GW_ERR_OK)
		return true;
	return gw_complain(k->c, line_of(k, "ca", i, key), "%s", err.detail);
}

/* What gwd-auth keeps; what is in it is its own affair. */
static bool
has_registry(const struct gw_setup *s)
{
	gw_auto(free) char *path = gw_xasprintf("%s/auth/registry.db",
						s->conf.main.state_dir);

	return access(path, F_OK) == 0;
}

static bool
check_cas(struct check *k)
{
	if (k->s->conf.ca_count == 0 && !has_registry(k->s))
		return gw_complain(k->c, k->s->src.last_line,
				   "no CA: nobody could log in, for there is "
				   "neither a section ca \"NAME\" { file = "
				   "\"ca.pem\" } nor a registry in state_dir");
	for (size_t i = 0; i < k->s->conf.ca_count; i++)
		if (!check_ca(k, i) || !load_ca(k, i))
			return false;
	if (k->s->file_count > CAS_MAX)
		return gw_complain(k->c, k->s->src.last_line,
				   "more than %d CA certificates", CAS_MAX);
	return true;
}

static bool
check_revocation(struct check *k)
{
	const struct gw_conf_revocation *r = &k->s->conf.revocation;

	if (r->timeout_ms <= r->total_timeout_ms)
		return true;
	return gw_complain(k->c, line_of(k, "revocation", 0, "timeout"),
			   "timeout is longer than total_timeout");
}

/* ---- headers */

static bool
is_token(const char *s)
{
	return consists_of(s, LETTERS DIGITS "!#$%&'*+-.^_`|~");
}

static bool
is_framing(const char *s)
{
	static const char *const names[] = {
		"Host", "Connection", "Content-Length", "Transfer-Encoding",
		"Upgrade", "TE", "Trailer", "Keep-Alive", "Client-Cert",
		"Client-Cert-Chain", "Expect",
	};

	for (size_t i = 0; i < GW_COUNT(names); i++)
		if (strcasecmp(s, names[i]) == 0)
			return true;
	return false;
}

static bool
check_headers(struct check *k)
{
	const struct gw_conf_headers *h = &k->s->conf.headers;
	const struct { const char *key, *value; } names[] = {
		{ "user", h->user }, { "upn", h->upn }, { "sid", h->sid },
		{ "groups", h->groups }, { "request_id", h->request_id },
		{ "mapping", h->mapping },
	};

	for (size_t i = 0; i < GW_COUNT(names); i++) {
		const char *v = names[i].value;
		int line = line_of(k, "headers", 0, names[i].key);

		if (*v != '\0' && (!is_token(v) || is_framing(v)))
			return gw_complain(k->c, line, "%s: '%s' cannot be the "
					   "name of this field", names[i].key,
					   v);
		for (size_t j = 0; *v != '\0' && j < i; j++)
			if (strcasecmp(v, names[j].value) == 0)
				return gw_complain(k->c, line, "%s: '%s' is "
						   "already the field of %s",
						   names[i].key, v,
						   names[j].key);
	}
	return true;
}

/* ---- upstreams */

static bool
check_upstreams(struct check *k)
{
	for (size_t i = 0; i < k->s->conf.upstream_count; i++) {
		const struct gw_strlist *l = &k->s->conf.upstreams[i].servers;
		struct gw_addr a;

		for (size_t j = 0; j < l->n; j++)
			if (!gw_addr_parse(l->v[j], &a) ||
			    gw_addr_port(&a) == 0)
				return gw_complain(k->c,
					line_of(k, "upstream", i, "servers"),
					"servers: '%s' is not ADDRESS:PORT "
					"(numbers; names are not resolved)",
					l->v[j]);
	}
	return true;
}

static bool
check_upstream_name(struct check *k, const char *section, size_t i,
		    const char *name)
{
	if (*name == '\0' || gw_conf_upstream(&k->s->conf, name) != NULL)
		return true;
	return gw_complain(k->c, line_of(k, section, i, "upstream"),
			   "upstream: there is no section upstream \"%s\"",
			   name);
}

/* ---- listeners */

/* One of a listener's own certificates: where it stands, what it is. */
struct own {
	const char *section;
	size_t index;    /* of the section */
	size_t listener; /* index */
	const char *certificate, *key, *staple; /* paths */
	char subject[GW_SUBJECT_MAX];
	time_t begins, expires;
	int key_type;
	struct gw_strlist names;
};

static int
own_line(const struct check *k, const struct own *o, const char *key)
{
	return line_of(k, o->section, o->index, key);
}

static void GW_PRINTF(3, 4)
warn(struct check *k, int line, const char *fmt, ...)
{
	struct gw_complaint w = { .line = line };
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(w.text, sizeof(w.text), fmt, ap) < 0)
		w.text[0] = '\0';
	va_end(ap);
	k->s->warnings = gw_xrealloc(k->s->warnings, k->s->warning_count + 1,
				     sizeof(w));
	k->s->warnings[k->s->warning_count++] = w;
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
load_certificate(struct check *k, struct own *o, struct gw_file *cert)
{
	int line = own_line(k, o, "certificate");
	struct gw_pem_list list;
	bool ok;

	cert->purpose = GW_FILE_SERVER_CERT;
	if (!load(k, line, "certificate", o->certificate, cert))
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
check_pair(struct check *k, const struct own *o, const struct gw_file *cert,
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
load_staple(struct check *k, const struct own *o, const struct gw_file *cert,
	    struct gw_file *staple)
{
	int line = own_line(k, o, "staple");
	enum gw_staple s;

	if (*o->staple == '\0') {
		staple->data = gw_xcalloc(1, 1);
		return true;
	}
	if (!load(k, line, "staple", o->staple, staple))
		return false;
	s = gw_pem_check_staple(cert->data, cert->len, staple->data,
				staple->len, time(NULL));
	if (s == GW_STAPLE_OK)
		return true;
	if (s != GW_STAPLE_OVER && s != GW_STAPLE_EARLY)
		return gw_complain(k->c, line, "staple: %s %s", o->staple,
				   gw_staple_text(s));
	warn(k, line, "staple: %s %s; it is not sent", o->staple,
	     gw_staple_text(s));
	return true;
}

static void
warn_of_dates(struct check *k, const struct own *o)
{
	time_t now = time(NULL);

	if (o->expires < now)
		warn(k, own_line(k, o, "certificate"), "certificate: %s has "
		     "expired; clients will refuse it", o->certificate);
	else if (o->begins > now)
		warn(k, own_line(k, o, "certificate"), "certificate: %s is "
		     "not valid yet; clients will refuse it", o->certificate);
}

/* Nothing would choose between the two. */
static bool
check_beside(struct check *k, const struct own *all, size_t i)
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
	keep(s, f);
}

static bool
load_own(struct check *k, struct own *all, size_t i)
{
	struct own *o = &all[i];
	const char *title = k->s->conf.listeners[o->listener].title;
	struct gw_file cert = { .data = NULL };
	struct gw_file key = { .purpose = GW_FILE_SERVER_KEY };
	struct gw_file staple = { .purpose = GW_FILE_SERVER_STAPLE };
	bool ok = load_certificate(k, o, &cert) &&
		  load(k, own_line(k, o, "key"), "key", o->key, &key) &&
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
list_own(struct check *k, size_t listener, struct own all[GW_OWN_MAX],
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
			return gw_complain(k->c, line_of(k, "identity", i,
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

static bool
load_identities(struct check *k, size_t listener)
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
		if (i == 0 || all[i].expires < sl->expires)
			sl->expires = all[i].expires;
	}
	for (size_t i = 0; i < n; i++)
		gw_own_names_clear(&all[i].names);
	return ok;
}

static bool
check_not_twice(struct check *k, size_t i)
{
	const struct gw_setup_listener *l = k->s->listeners;

	for (size_t j = 0; j < i; j++)
		if (gw_addr_port(&l[i].addr) != 0 &&
		    gw_addr_equal(&l[i].addr, &l[j].addr))
			return gw_complain(k->c, line_of(k, "listener", i,
							 "address"),
					   "address: %s is already listener "
					   "\"%s\"",
					   k->s->conf.listeners[i].address,
					   k->s->conf.listeners[j].title);
	return true;
}

static bool
check_address(struct check *k, size_t i)
{
	const char *text = k->s->conf.listeners[i].address;
	struct gw_addr *a = &k->s->listeners[i].addr;
	int line = line_of(k, "listener", i, "address");
	int err;

	if (!gw_addr_parse(text, a))
		return gw_complain(k->c, line, "address: '%s' is not "
				   "ADDRESS:PORT such as 0.0.0.0:443 or "
				   "[::]:443", text);
	if (!check_not_twice(k, i))
		return false;
	err = gw_net_probe(a);
	if (err == 0 || (err == EADDRINUSE && k->mode == GW_SETUP_CHECK))
		return true;
	return gw_complain(k->c, line, "address: %s: %s%s", text,
			   strerror(err), err == EADDRINUSE
			   ? "; `ss -ltnp` shows by whom" : "");
}

static bool
has_route(const struct gw_conf *c, const char *listener)
{
	for (size_t i = 0; i < c->route_count; i++)
		if (strcmp(c->routes[i].listener, listener) == 0)
			return true;
	return false;
}

static bool
check_listener(struct check *k, size_t i)
{
	const struct gw_conf_listener *l = &k->s->conf.listeners[i];

	if (*l->upstream == '\0' && !has_route(&k->s->conf, l->title))
		return gw_complain(k->c, line_of(k, "listener", i, NULL),
				   "listener \"%s\" leads nowhere: it has "
				   "neither upstream nor route", l->title);
	return check_upstream_name(k, "listener", i, l->upstream) &&
	       load_identities(k, i) && check_address(k, i);
}

static bool
check_listeners(struct check *k)
{
	size_t n = k->s->conf.listener_count;

	if (n == 0)
		return gw_complain(k->c, k->s->src.last_line,
				   "no listener: add a section "
				   "listener \"NAME\" { address = … }");
	k->s->listeners = gw_xcalloc(n, sizeof(*k->s->listeners));
	for (size_t i = 0; i < n; i++)
		if (!check_listener(k, i))
			return false;
	return true;
}

static bool
is_path(const char *s)
{
	for (size_t i = 0; s[i] != '\0'; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f ||
		    strchr("?#\"\\%", s[i]) != NULL)
			return false;
	return s[0] == '/' && strlen(s) < GW_NAME_MAX &&
	       strstr(s, "//") == NULL && strstr(s, "/.") == NULL;
}

static bool
check_routes(struct check *k)
{
	const struct gw_conf *c = &k->s->conf;

	for (size_t i = 0; i < c->route_count; i++) {
		size_t before = 0;

		if (!is_path(c->routes[i].title))
			return gw_complain(k->c, line_of(k, "route", i, NULL),
					   "route \"%s\": not a plain path "
					   "that begins with /",
					   c->routes[i].title);
		if (!check_upstream_name(k, "route", i, c->routes[i].upstream))
			return false;
		for (size_t j = 0; j < i; j++)
			before += strcmp(c->routes[j].listener,
					 c->routes[i].listener) == 0;
		if (before >= GW_ROUTES_MAX)
			return gw_complain(k->c, line_of(k, "route", i, NULL),
					   "more than %d routes in one "
					   "listener", GW_ROUTES_MAX);
	}
	return true;
}

/* ---- all of it */

/* Cheap ones first; the address is tried last, files are read before. */
static bool (*const checks[])(struct check *) = {
	check_all_required, check_titles,     check_log_level,
	check_paths,        check_users,      check_users_differ,
	check_headers,      check_revocation, check_upstreams,
	check_routes,       check_cas,        check_directory,
	check_listeners,    check_sizes,
};

bool
gw_setup_needs_kdc(const struct gw_conf *c)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (c->listeners[i].admission == GW_ADMIT_DIRECTORY)
			return true;
	return c->listener_count == 0;
}

bool
gw_setup_load(const char *path, enum gw_setup_mode mode, struct gw_setup *out,
	      struct gw_complaint *c)
{
	struct check k = { .s = out, .c = c, .mode = mode };

	*out = (struct gw_setup){ .path = NULL };
	if (!gw_readconf(path, &out->conf, &out->src, c))
		return false;
	out->path = gw_xstrdup(path);
	resolve_workers(out);
	for (size_t i = 0; i < GW_COUNT(checks); i++)
		if (!checks[i](&k)) {
			gw_setup_clear(out);
			return false;
		}
	return true;
}

void
gw_setup_clear(struct gw_setup *s)
{
	for (size_t i = 0; i < s->file_count; i++)
		gw_file_clear(&s->files[i]);
	free(s->files);
	free(s->listeners);
	free(s->warnings);
	free(s->path);
	gw_conf_clear(&s->conf);
	gw_source_clear(&s->src);
	*s = (struct gw_setup){ .path = NULL };
}

/* ---- new certificates */

static bool
is_own(const struct gw_file *f, const char *title)
{
	return (f->purpose == GW_FILE_SERVER_CERT ||
		f->purpose == GW_FILE_SERVER_KEY ||
		f->purpose == GW_FILE_SERVER_STAPLE) &&
	       strcmp(f->name, title) == 0;
}

static const struct gw_file *
next_own(const struct gw_setup *s, const char *title, size_t *at)
{
	while (*at < s->file_count && !is_own(&s->files[*at], title))
		(*at)++;
	return *at < s->file_count ? &s->files[(*at)++] : NULL;
}

static bool
same_own(const struct gw_setup *a, const struct gw_setup *b,
	 const char *title)
{
	size_t i = 0, j = 0;
	const struct gw_file *x, *y;

	do {
		x = next_own(a, title, &i);
		y = next_own(b, title, &j);
		if ((x == NULL) != (y == NULL))
			return false;
		if (x != NULL && (x->len != y->len ||
				  memcmp(x->data, y->data, x->len) != 0))
			return false;
	} while (x != NULL);
	return true;
}

static void
drop_own(struct gw_setup *s, const char *title)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->file_count; i++) {
		if (is_own(&s->files[i], title))
			gw_file_clear(&s->files[i]);
		else
			s->files[kept++] = s->files[i];
	}
	s->file_count = kept;
}

static struct gw_setup_listener *
listener_named(const struct gw_setup *s, const char *title)
{
	for (size_t i = 0; i < s->conf.listener_count; i++)
		if (strcmp(s->conf.listeners[i].title, title) == 0)
			return &s->listeners[i];
	return NULL;
}

bool
gw_setup_take_certificates(struct gw_setup *s, struct gw_setup *fresh,
			   const char *title)
{
	struct gw_setup_listener *to = listener_named(s, title);
	const struct gw_setup_listener *from = listener_named(fresh, title);

	if (to == NULL || from == NULL || same_own(s, fresh, title))
		return false;
	drop_own(s, title);
	for (size_t i = 0; i < fresh->file_count; i++)
		if (is_own(&fresh->files[i], title))
			keep(s, &fresh->files[i]);
	memcpy(to->subject, from->subject, sizeof(to->subject));
	to->expires = from->expires;
	return true;
}
