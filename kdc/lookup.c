/* lookup.c — see lookup.h. */
#include "lookup.h"
#include "filter.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

static void
free_candidates(struct gw_candidate *c)
{
	free(c);
}
GW_DEFINE_CLEANUP(struct gw_candidate *, free_candidates)

static const char *const account_attrs[] = {
	"objectSid", "sAMAccountName", "userPrincipalName", "displayName",
	"mail", "objectClass", "userAccountControl",
	"msDS-User-Account-Control-Computed", "accountExpires", "lockoutTime",
	"logonHours", "pwdLastSet", "adminCount", "altSecurityIdentities",
	NULL,
};

enum gw_err
gw_lookup_tree(LDAP *ld, const struct gw_limits *l, struct gw_tree *out,
	       struct gw_error *err)
{
	static const char *const attrs[] = { "defaultNamingContext",
					     "configurationNamingContext",
					     NULL };
	const struct gw_search s = { .base = "", .scope = LDAP_SCOPE_BASE,
				     .filter = "(objectClass=*)",
				     .attrs = attrs };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	enum gw_err rc = gw_ldap_search(ld, &s, l, &res, err);
	LDAPMessage *e;

	if (rc != GW_ERR_OK)
		return rc;
	e = ldap_first_entry(ld, res);
	if (e == NULL ||
	    !gw_ldap_text(ld, e, attrs[0], out->domain_dn, GW_DN_MAX) ||
	    !gw_ldap_text(ld, e, attrs[1], out->config_dn, GW_DN_MAX))
		return gw_fail(err, GW_ERR_LDAP_UNREACHABLE,
			       "rootDSE without naming contexts");
	return GW_ERR_OK;
}

/* ---- one entry as an account */

static bool
read_uint(LDAP *ld, LDAPMessage *e, const char *attr, uint32_t *out)
{
	int64_t n;

	if (!gw_ldap_int(ld, e, attr, &n))
		return false;
	*out = (uint32_t)n; /* signed 32 bit in the directory */
	return true;
}

static bool
read_hours(LDAP *ld, LDAPMessage *e, uint8_t out[GW_LOGON_HOURS])
{
	struct berval **v = gw_ldap_values(ld, e, "logonHours");
	bool has = v != NULL && v[0] != NULL;

	/* fail closed: hours of another length allow none. */
	if (has && v[0]->bv_len == GW_LOGON_HOURS)
		memcpy(out, v[0]->bv_val, GW_LOGON_HOURS);
	ldap_value_free_len(v);
	return has;
}

static bool
read_account(LDAP *ld, LDAPMessage *e, struct gw_account *a)
{
	char *dn = ldap_get_dn(ld, e);
	bool ok = dn != NULL && gw_copy(a->dn, sizeof(a->dn), dn);

	ldap_memfree(dn);
	if (!ok || !gw_ldap_sid(ld, e, "objectSid", a->sid) ||
	    !gw_ldap_text(ld, e, "sAMAccountName", a->sam, GW_SAM_MAX) ||
	    a->sam[0] == '\0')
		return false;
	(void)gw_ldap_text(ld, e, "userPrincipalName", a->upn, GW_UPN_MAX);
	(void)gw_ldap_text(ld, e, "displayName", a->display_name,
			   GW_NAME_MAX);
	(void)gw_ldap_text(ld, e, "mail", a->mail, GW_NAME_MAX);
	a->is_computer = gw_ldap_has_value(ld, e, "objectClass", "computer");
	a->has_uac = read_uint(ld, e, "userAccountControl", &a->uac);
	a->has_computed = read_uint(ld, e,
				    "msDS-User-Account-Control-Computed",
				    &a->computed);
	(void)gw_ldap_int(ld, e, "accountExpires", &a->expires);
	(void)gw_ldap_int(ld, e, "lockoutTime", &a->lockout_time);
	(void)gw_ldap_int(ld, e, "adminCount", &a->admin_count);
	a->has_pwd_last_set = gw_ldap_int(ld, e, "pwdLastSet",
					  &a->pwd_last_set);
	a->has_hours = read_hours(ld, e, a->hours);
	return true;
}

/* ---- the account of the claims */

static void
add_upn(struct gw_filter *f, const struct gw_claims *c, const char *domain)
{
	const char *at = strchr(c->upn, '@');

	gw_filter_equal_str(f, "userPrincipalName", c->upn);
	if (at != NULL && strcasecmp(at + 1, domain) == 0)
		gw_filter_equal(f, "sAMAccountName", c->upn,
				(size_t)(at - c->upn));
}

/* Everything the certificate claims in one question: contradictions show. */
static void
claims_filter(struct gw_filter *f, const struct gw_claims *c,
	      const char *kdc_sid, const char *domain)
{
	gw_filter_raw(f, "(&(objectClass=user)(|");
	if (kdc_sid != NULL)
		gw_filter_equal_str(f, "objectSid", kdc_sid);
	if (c->sid[0] != '\0')
		gw_filter_equal_str(f, "objectSid", c->sid);
	if (c->upn[0] != '\0')
		add_upn(f, c, domain);
	for (size_t i = 0; i < c->altsec_count; i++)
		gw_filter_equal_str(f, "altSecurityIdentities",
				    c->altsec[i].value);
	gw_filter_raw(f, "))");
}

/* What the entry really matches, by our comparison: the directory's is more
 * generous (accents, width). */
static void
read_candidate(LDAP *ld, LDAPMessage *e, const struct gw_claims *c,
	       const char *domain, struct gw_candidate *out)
{
	const struct gw_account *a = &out->account;

	out->by_sid = c->sid[0] != '\0' && strcmp(a->sid, c->sid) == 0;
	out->by_upn = gw_account_has_upn(a, c->upn, domain);
	for (size_t i = 0; i < c->altsec_count; i++) {
		bool has = gw_ldap_has_value(ld, e, "altSecurityIdentities",
					     c->altsec[i].value);

		out->by_strong |= has && c->altsec[i].is_strong;
		out->by_weak |= has && !c->altsec[i].is_strong;
	}
}

static size_t
read_candidates(LDAP *ld, LDAPMessage *res, const struct gw_claims *c,
		const char *kdc_sid, const char *domain,
		struct gw_candidate *out)
{
	size_t n = 0;

	for (LDAPMessage *e = ldap_first_entry(ld, res);
	     e != NULL && n < GW_CANDIDATES_MAX;
	     e = ldap_next_entry(ld, e)) {
		struct gw_candidate *k = &out[n];

		memset(k, 0, sizeof(*k));
		if (!read_account(ld, e, &k->account))
			continue;
		read_candidate(ld, e, c, domain, k);
		k->by_kdc = kdc_sid != NULL &&
			    strcmp(k->account.sid, kdc_sid) == 0;
		n += k->by_sid || k->by_upn || k->by_strong || k->by_weak ||
		     k->by_kdc;
	}
	return n;
}

static enum gw_err
decide(const struct gw_lookup *q, const struct gw_claims *claims,
       const char *kdc_sid, const struct gw_candidate *c, size_t n,
       size_t *out, enum gw_mapping *out_how, struct gw_error *err)
{
	enum gw_strong strong = (enum gw_strong)q->conf->mapping.strong;

	if (kdc_sid != NULL)
		return gw_mapping_confirm(claims, strong, kdc_sid, c, n, out,
					  out_how, err);
	return gw_mapping_decide(claims, strong, c, n, out, out_how, err);
}

static enum gw_err
find_account(const struct gw_lookup *q, const struct gw_claims *claims,
	     const char *kdc_sid, struct gw_account *out,
	     enum gw_mapping *out_how, struct gw_error *err)
{
	const char *domain = q->conf->directory.domain;
	gw_auto(free_candidates) struct gw_candidate *c = NULL;
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	struct gw_filter f = { .text = NULL };
	struct gw_search s = { .base = q->conn->tree.domain_dn,
			       .scope = LDAP_SCOPE_SUBTREE,
			       .attrs = account_attrs,
			       .size_limit = GW_CANDIDATES_MAX };
	size_t n, which = 0;
	enum gw_err rc;

	claims_filter(&f, claims, kdc_sid, domain);
	s.filter = gw_filter_text(&f);
	rc = s.filter == NULL ? gw_fail(err, GW_ERR_MAP_MALFORMED, "too long")
			      : gw_ldap_search(q->conn->ld, &s, q->limits,
					       &res, err);
	gw_filter_clear(&f);
	if (rc != GW_ERR_OK)
		return rc;
	c = gw_xcalloc(GW_CANDIDATES_MAX, sizeof(*c));
	n = read_candidates(q->conn->ld, res, claims, kdc_sid, domain, c);
	rc = decide(q, claims, kdc_sid, c, n, &which, out_how, err);
	if (rc == GW_ERR_OK)
		*out = c[which].account;
	return rc;
}

/* ---- suffixes */

static char **
copy_values(struct berval **v)
{
	size_t n = 0, k = 0;
	char **list;

	while (v != NULL && v[n] != NULL)
		n++;
	list = gw_xcalloc(n + 1, sizeof(*list));
	for (size_t i = 0; i < n; i++)
		if (memchr(v[i]->bv_val, '\0', v[i]->bv_len) == NULL)
			list[k++] = gw_xstrndup(v[i]->bv_val, v[i]->bv_len);
	return list;
}

void
gw_strings_free(char **list)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++)
		free(list[i]);
	free(list);
}

static char **
read_values(LDAP *ld, LDAPMessage *e, const char *attr)
{
	struct berval **v = e != NULL ? gw_ldap_values(ld, e, attr) : NULL;
	char **list = copy_values(v);

	ldap_value_free_len(v);
	return list;
}

static enum gw_err
read_suffixes(const struct gw_lookup *q, struct gw_error *err)
{
	static const char *const attrs[] = { "uPNSuffixes", NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	/* The one DN put together here, from the DC's own words. */
	gw_auto(free) char *base = gw_xasprintf("CN=Partitions,%s",
						q->conn->tree.config_dn);
	const struct gw_search s = { .base = base, .scope = LDAP_SCOPE_BASE,
				     .filter = "(objectClass=*)",
				     .attrs = attrs };
	LDAP *ld = q->conn->ld;
	enum gw_err rc = gw_ldap_search(ld, &s, q->limits, &res, err);

	if (rc != GW_ERR_OK)
		return rc;
	gw_service_set_suffixes(
		q->service,
		read_values(ld, ldap_first_entry(ld, res), attrs[0]));
	return GW_ERR_OK;
}

static bool
is_configured_suffix(const struct gw_conf *conf, const char *suffix)
{
	const struct gw_strlist *l = &conf->mapping.upn_suffixes;

	if (strcasecmp(suffix, conf->directory.domain) == 0)
		return true;
	for (size_t i = 0; i < l->n; i++)
		if (strcasecmp(suffix, l->v[i]) == 0)
			return true;
	return false;
}

static enum gw_err
check_suffix(const struct gw_lookup *q, const char *upn, struct gw_error *err)
{
	const char *suffix = gw_upn_suffix(upn);
	enum gw_err rc;

	if (upn[0] == '\0' || is_configured_suffix(q->conf, suffix))
		return GW_ERR_OK;
	if (gw_service_wants_suffixes(q->service, suffix) &&
	    (rc = read_suffixes(q, err)) != GW_ERR_OK)
		return rc;
	if (gw_service_has_suffix(q->service, suffix))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_MAP_FOREIGN_REALM, "UPN suffix %.120s",
		       suffix);
}

enum gw_err
gw_lookup_account(const struct gw_lookup *q, const struct gw_claims *claims,
		  const char *kdc_sid, struct gw_account *out, enum gw_mapping *out_how,
		  struct gw_error *err)
{
	enum gw_err rc = gw_claims_check(claims, err);

	if (rc == GW_ERR_OK)
		rc = check_suffix(q, claims->upn, err);
	if (rc == GW_ERR_OK)
		rc = find_account(q, claims, kdc_sid, out, out_how, err);
	return rc;
}

/* ---- the service account */

static size_t
count_strings(char **list)
{
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	return n;
}

static void
read_service(LDAP *ld, LDAPMessage *e, struct gw_service_view *v,
	     char ***out_spns)
{
	struct berval **spn = gw_ldap_values(ld, e, "servicePrincipalName");
	uint32_t uac = 0;

	v->is_known = read_uint(ld, e, "userAccountControl", &uac);
	v->any_protocol = (uac & GW_UAC_TRUSTED_TO_AUTH) != 0;
	v->is_sensitive = (uac & GW_UAC_NOT_DELEGATED) != 0;
	v->has_spn = spn != NULL;
	v->enctypes = -1;
	(void)gw_ldap_int(ld, e, "msDS-SupportedEncryptionTypes",
			  &v->enctypes);
	*out_spns = read_values(ld, e, "msDS-AllowedToDelegateTo");
	v->delegation_count = count_strings(*out_spns);
	v->checked_at = time(NULL);
	ldap_value_free_len(spn);
}

enum gw_err
gw_lookup_service(const struct gw_lookup *q, struct gw_service_view *out,
		  char ***out_spns, struct gw_error *err)
{
	static const char *const attrs[] = {
		"userAccountControl", "servicePrincipalName",
		"msDS-SupportedEncryptionTypes", "msDS-AllowedToDelegateTo",
		NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	struct gw_filter f = { .text = NULL };
	struct gw_search s = { .base = q->conn->tree.domain_dn,
			       .scope = LDAP_SCOPE_SUBTREE, .attrs = attrs,
			       .size_limit = 2 };
	LDAP *ld = q->conn->ld;
	LDAPMessage *e;
	enum gw_err rc;

	gw_filter_raw(&f, "(&(objectClass=user)");
	gw_filter_equal_str(&f, "sAMAccountName",
			    q->conf->directory.service_account);
	gw_filter_raw(&f, ")");
	s.filter = gw_filter_text(&f);
	rc = gw_ldap_search(ld, &s, q->limits, &res, err);
	gw_filter_clear(&f);
	if (rc != GW_ERR_OK)
		return rc;
	e = ldap_first_entry(ld, res);
	if (e == NULL)
		return gw_fail(err, GW_ERR_SERVICE_ACCOUNT,
			       "%.100s is not found in the directory",
			       q->conf->directory.service_account);
	memset(out, 0, sizeof(*out));
	read_service(ld, e, out, out_spns);
	return GW_ERR_OK;
}

/* ---- who is bound */

void
gw_token_clear(struct gw_token *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->sids[i].sid);
		free(t->sids[i].name);
	}
	free(t->sids);
	*t = (struct gw_token){ .sids = NULL };
}

/* fail closed: a SID that cannot be read makes the whole token unreadable. */
static bool
read_token(LDAP *ld, LDAPMessage *res, struct gw_token *out)
{
	LDAPMessage *e = ldap_first_entry(ld, res);
	struct berval **v = e != NULL ? gw_ldap_values(ld, e, "tokenGroups")
				      : NULL;
	char sid[GW_SID_MAX];
	bool ok = v != NULL;
	size_t n = 0;

	while (ok && v[n] != NULL)
		n++;
	ok = ok && n <= GW_GROUPS_MAX + 1;
	if (ok)
		out->sids = gw_xcalloc(n, sizeof(*out->sids));
	for (size_t i = 0; ok && i < n; i++) {
		ok = gw_sid_from_binary((const uint8_t *)v[i]->bv_val,
					v[i]->bv_len, sid);
		if (!ok)
			break;
		out->sids[out->count].sid = gw_xstrdup(sid);
		out->sids[out->count++].name = gw_xstrdup("");
	}
	ldap_value_free_len(v);
	return ok && n > 0;
}

static enum gw_err
ask_self(LDAP *ld, const char *dn, const struct gw_limits *l, int *out_token,
	 int *out_entry, struct gw_error *err)
{
	static const char *const token_attrs[] = { "tokenGroups", NULL };
	const struct gw_search token = { .base = "", .scope = LDAP_SCOPE_BASE,
					 .filter = "(objectClass=*)",
					 .attrs = token_attrs };
	const struct gw_search entry = { .base = dn, .scope = LDAP_SCOPE_BASE,
					 .filter = "(objectClass=*)",
					 .attrs = account_attrs };
	enum gw_err rc = gw_ldap_ask(ld, &token, l, out_token, err);

	return rc != GW_ERR_OK ? rc : gw_ldap_ask(ld, &entry, l, out_entry,
						  err);
}

enum gw_err
gw_lookup_self(LDAP *ld, const char *dn, const struct gw_limits *l,
	       struct gw_token *out, struct gw_account *out_account,
	       struct gw_error *err)
{
	gw_auto(ldap_msgfree) LDAPMessage *token = NULL, *entry = NULL;
	int token_id = 0, entry_id = 0;
	enum gw_err rc = ask_self(ld, dn, l, &token_id, &entry_id, err);
	LDAPMessage *e;

	if (rc == GW_ERR_OK)
		rc = gw_ldap_answer(ld, token_id, l, &token, err);
	if (rc == GW_ERR_OK)
		rc = gw_ldap_answer(ld, entry_id, l, &entry, err);
	if (rc != GW_ERR_OK)
		return rc;
	if (!read_token(ld, token, out))
		return gw_fail(err, GW_ERR_LDAP_IDENTITY_MISMATCH,
			       "rootDSE tells no usable tokenGroups");
	e = ldap_first_entry(ld, entry);
	if (e == NULL || !read_account(ld, e, out_account))
		return gw_fail(err, GW_ERR_ACCOUNT_UNKNOWN,
			       "the user cannot read their own entry");
	return GW_ERR_OK;
}

/* ---- names */

/* Only these have an object with a name in the domain. */
static bool
may_have_name(const char *sid)
{
	return strncmp(sid, "S-1-5-21-", 9) == 0 ||
	       strncmp(sid, "S-1-5-32-", 9) == 0;
}

static void
learn_names(LDAP *ld, LDAPMessage *res, struct gw_names *cache, uint64_t now)
{
	char sid[GW_SID_MAX], name[GW_NAME_MAX];

	for (LDAPMessage *e = ldap_first_entry(ld, res); e != NULL;
	     e = ldap_next_entry(ld, e))
		if (gw_ldap_sid(ld, e, "objectSid", sid) &&
		    gw_ldap_text(ld, e, "sAMAccountName", name, sizeof(name)))
			gw_names_put(cache, sid, name, now);
}

#define NAMES_AT_ONCE 128

static bool
is_wanted(const struct gw_names *cache, const char *sid, uint64_t now)
{
	return may_have_name(sid) && gw_names_get(cache, sid, now) == NULL;
}

/* A filter for up to NAMES_AT_ONCE unknown names from `*i` on; how many. */
static size_t
names_filter(struct gw_filter *f, const struct gw_names *cache,
	     const struct gw_token *t, size_t *i, uint64_t now)
{
	size_t n = 0;

	gw_filter_raw(f, "(|");
	for (; *i < t->count && n < NAMES_AT_ONCE; ++*i) {
		if (!is_wanted(cache, t->sids[*i].sid, now))
			continue;
		gw_filter_equal_str(f, "objectSid", t->sids[*i].sid);
		n++;
	}
	gw_filter_raw(f, ")");
	return n;
}

static enum gw_err
fetch_names(const struct gw_lookup *q, struct gw_names *cache,
	    const struct gw_token *t, size_t *i, struct gw_error *err)
{
	static const char *const attrs[] = { "objectSid", "sAMAccountName",
					     NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	struct gw_filter f = { .text = NULL };
	struct gw_search s = { .base = q->conn->tree.domain_dn,
			       .scope = LDAP_SCOPE_SUBTREE, .attrs = attrs };
	uint64_t now = gw_mono_ms();
	enum gw_err rc = GW_ERR_OK;
	size_t first = *i;

	if (names_filter(&f, cache, t, i, now) > 0) {
		s.filter = gw_filter_text(&f);
		rc = gw_ldap_search(q->conn->ld, &s, q->limits, &res, err);
	}
	gw_filter_clear(&f);
	if (rc != GW_ERR_OK || res == NULL)
		return rc;
	for (size_t k = first; k < *i; k++) /* no answer: no name */
		if (is_wanted(cache, t->sids[k].sid, now))
			gw_names_put(cache, t->sids[k].sid, "", now);
	learn_names(q->conn->ld, res, cache, now);
	return GW_ERR_OK;
}

enum gw_err
gw_lookup_names(const struct gw_lookup *q, struct gw_names *cache,
		struct gw_token *t, struct gw_error *err)
{
	for (size_t i = 0; i < t->count; ) {
		enum gw_err rc = fetch_names(q, cache, t, &i, err);

		if (rc != GW_ERR_OK)
			return rc;
	}
	for (size_t i = 0; i < t->count; i++) {
		const char *name = gw_names_get(cache, t->sids[i].sid,
						gw_mono_ms());

		if (name == NULL)
			continue;
		free(t->sids[i].name);
		t->sids[i].name = gw_xstrdup(name);
	}
	return GW_ERR_OK;
}
