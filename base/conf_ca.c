/* conf_ca.c — one section `ca` judged as a whole, wherever it comes from: the
 * file, an operator's request, the registry. Pure. */
#include "gw/conf.h"
#include "gw/url.h"

#include <string.h>
#include <strings.h>

#define OID_MAX 128 /* bytes of text */
#define ARC_MAX 39  /* digits: the arcs made of UUIDs have 128 bits */

struct section {
	const struct gw_conf_ca *ca;
	const char *crl_dir;
};

/* ---- text */

static bool
is_word(const char *words, const char *s)
{
	size_t len = strlen(s);

	for (; *words != '\0'; words += strspn(words, "|")) {
		size_t n = strcspn(words, "|");

		if (n == len && strncmp(words, s, n) == 0)
			return true;
		words += n;
	}
	return false;
}

static bool
is_before(const struct gw_strlist *l, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(l->v[j], l->v[i]) == 0)
			return true;
	return false;
}

static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s >= 0x7f)
			return false;
	return true;
}

/* One number of an OID; 0 when it is none, else its digits. */
static size_t
arc_len(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > ARC_MAX || (n > 1 && *s == '0') ? 0 : n;
}

/* X.660: the first arc is 0, 1 or 2; below 0 and 1 there are 40. */
static bool
is_oid(const char *s)
{
	size_t arcs = 1, second;

	if (strlen(s) > OID_MAX || s[0] < '0' || s[0] > '2' || s[1] != '.')
		return false;
	second = arc_len(s + 2);
	if (s[0] != '2' && (second > 2 || (second == 2 && s[2] > '3')))
		return false;
	for (s += 1; *s == '.'; arcs++) {
		size_t n = arc_len(s + 1);

		if (n == 0)
			return false;
		s += 1 + n;
	}
	return *s == '\0' && arcs > 1;
}

/* ---- kinds of lists */

static enum gw_err
check_words(const struct gw_strlist *l, const char *key, const char *words,
	    struct gw_error *err)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!is_word(words, l->v[i]))
			return gw_fail(err, GW_ERR_CONF, "%s: '%.60s' is not "
				       "one of %s", key, l->v[i], words);
		if (is_before(l, i))
			return gw_fail(err, GW_ERR_CONF, "%s: %s stands there "
				       "twice", key, l->v[i]);
	}
	return GW_ERR_OK;
}

static enum gw_err
check_oids(const struct gw_strlist *l, const char *key, size_t max,
	   struct gw_error *err)
{
	if (l->n > max)
		return gw_fail(err, GW_ERR_CONF, "%s: more than %zu", key,
			       max);
	for (size_t i = 0; i < l->n; i++) {
		if (!is_oid(l->v[i]))
			return gw_fail(err, GW_ERR_CONF, "%s: '%.60s' is not "
				       "an OID such as 1.3.6.1.5.5.7.3.2", key,
				       l->v[i]);
		if (is_before(l, i))
			return gw_fail(err, GW_ERR_CONF, "%s: %.60s stands "
				       "there twice", key, l->v[i]);
	}
	return GW_ERR_OK;
}

/* ---- single keys */

static enum gw_err
check_revocation(const struct section *s, struct gw_error *err)
{
	return check_words(&s->ca->revocation, "revocation", "ocsp|crl", err);
}

static enum gw_err
check_relax(const struct section *s, struct gw_error *err)
{
	return check_words(&s->ca->relax, "relax", "any-eku|ca-eku|lenient",
			   err);
}

static enum gw_err
check_eku(const struct section *s, struct gw_error *err)
{
	return check_oids(&s->ca->require_eku, "require_eku", GW_CA_EKUS_MAX,
			  err);
}

static enum gw_err
check_policy(const struct section *s, struct gw_error *err)
{
	return check_oids(&s->ca->require_policy, "require_policy",
			  GW_CA_POLICIES_MAX, err);
}

static bool
is_http(const char *s)
{
	struct gw_url url;

	return strlen(s) <= GW_CA_PLACE_MAX && gw_url_parse(s, &url);
}

static enum gw_err
check_ocsp_url(const struct section *s, struct gw_error *err)
{
	const char *url = s->ca->ocsp_url;

	if (*url == '\0' || is_http(url))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_CONF, "ocsp_url: '%.100s' is not an "
		       "http:// URL of at most %d bytes", url,
		       GW_CA_PLACE_MAX);
}

/* A host would be asked by whom and with which password? The directory's own
 * lists need none. */
static bool
is_ldap(const char *s)
{
	return strncasecmp(s, "ldap:///", 8) == 0 && s[8] != '\0' &&
	       strchr(s, ' ') == NULL;
}

static bool
has_dots(const char *path)
{
	for (const char *p = path; (p = strstr(p, "/..")) != NULL; p += 3)
		if (p[3] == '/' || p[3] == '\0')
			return true;
	return false;
}

static bool
is_file(const char *s)
{
	return s[0] == '/' && s[1] != '\0' && !has_dots(s);
}

static enum gw_err
check_crl(const struct section *s, struct gw_error *err)
{
	const struct gw_strlist *l = &s->ca->crl;

	if (l->n > GW_CA_CRLS_MAX)
		return gw_fail(err, GW_ERR_CONF, "crl: more than %d",
			       GW_CA_CRLS_MAX);
	for (size_t i = 0; i < l->n; i++) {
		if (strlen(l->v[i]) > GW_CA_PLACE_MAX ||
		    !is_printable(l->v[i]) ||
		    !(is_http(l->v[i]) || is_ldap(l->v[i]) ||
		      is_file(l->v[i])))
			return gw_fail(err, GW_ERR_CONF, "crl: '%.60s' is "
				       "neither an http:// URL, nor an ldap:/"
				       "// URL without a host, nor an absolute "
				       "path without ..", l->v[i]);
		if (is_before(l, i))
			return gw_fail(err, GW_ERR_CONF, "crl: %.100s stands "
				       "there twice", l->v[i]);
	}
	return GW_ERR_OK;
}

/* ---- what hangs together */

static enum gw_err
check_mode(const struct section *s, struct gw_error *err)
{
	if (*s->ca->ocsp_url != '\0' ||
	    s->ca->ocsp_mode != GW_OCSP_OVERRIDE)
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_CONF, "ocsp_mode: it is override but there "
		       "is no ocsp_url");
}

static bool
is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' &&
	       path[len + 1] != '\0';
}

/* gwd-auth can read nothing else. */
static enum gw_err
check_place(const struct section *s, struct gw_error *err)
{
	for (size_t i = 0; i < s->ca->crl.n; i++) {
		const char *place = s->ca->crl.v[i];

		if (*place == '/' && *s->crl_dir == '\0')
			return gw_fail(err, GW_ERR_CONF, "crl: '%.60s': files "
				       "must lie below crl_dir, which gwd.conf "
				       "does not set", place);
		if (*place == '/' && !is_below(place, s->crl_dir))
			return gw_fail(err, GW_ERR_CONF, "crl: '%.60s' does "
				       "not lie below crl_dir, which is %.60s",
				       place, s->crl_dir);
	}
	return GW_ERR_OK;
}

/* ---- all of it */

struct check {
	const char *key;
	enum gw_err (*fn)(const struct section *s, struct gw_error *err);
};

static const struct check values[] = {
	{ "revocation", check_revocation }, { "ocsp_url", check_ocsp_url },
	{ "crl", check_crl }, { "require_eku", check_eku },
	{ "require_policy", check_policy }, { "relax", check_relax },
};
static const struct check relations[] = {
	{ "ocsp_mode", check_mode }, { "crl", check_place },
};

static enum gw_err
run(const struct check *c, size_t n, const struct section *s,
    const char **out_key, struct gw_error *err)
{
	for (size_t i = 0; i < n; i++) {
		*out_key = c[i].key;
		if (c[i].fn(s, err) != GW_ERR_OK)
			return GW_ERR_CONF;
	}
	return GW_ERR_OK;
}

enum gw_err
gw_conf_ca_check_values(const struct gw_conf_ca *ca, const char **out_key,
			struct gw_error *err)
{
	const struct section s = { .ca = ca };

	return run(values, GW_COUNT(values), &s, out_key, err);
}

enum gw_err
gw_conf_ca_check(const struct gw_conf_ca *ca, const char *crl_dir,
		 const char **out_key, struct gw_error *err)
{
	const struct section s = { .ca = ca, .crl_dir = crl_dir };
	enum gw_err rc = gw_conf_ca_check_values(ca, out_key, err);

	return rc != GW_ERR_OK ? rc : run(relations, GW_COUNT(relations), &s,
					  out_key, err);
}
