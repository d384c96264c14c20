/* ldapx.c — see ldapx.h. */
#include "ldapx.h"
#include "gw/util.h"

#include <openldap.h>
#include <sasl/sasl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum gw_err
gw_ldap_global_init(struct gw_error *err)
{
	int level = 0;

	/* Runs libldap's and Cyrus SASL's global initialisation, which finds
	 * and loads the GSSAPI plugin. */
	if (ldap_get_option(NULL, LDAP_OPT_DEBUG_LEVEL, &level) !=
	    LDAP_OPT_SUCCESS)
		return gw_fail(err, GW_ERR_SYSTEM, "libldap: no start");
	if (sasl_client_init(NULL) != SASL_OK)
		return gw_fail(err, GW_ERR_SYSTEM, "libsasl2: no start");
	return GW_ERR_OK;
}

void
gw_ldap_close(LDAP *ld)
{
	if (ld != NULL)
		(void)ldap_unbind_ext_s(ld, NULL, NULL);
}

static bool
set_options(LDAP *ld)
{
	static const int version = LDAP_VERSION3;
	char props[64];

	return gw_format(props, sizeof(props),
			 "minssf=%d,noplain,noanonymous", GW_SSF_MIN) &&
	       ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) == 0 &&
	       /* The constant, not a pointer: a pointer would mean "on". On:
		* the SPN comes from our URL, not from reverse DNS. */
	       ldap_set_option(ld, LDAP_OPT_X_SASL_NOCANON,
			       LDAP_OPT_ON) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_X_SASL_SECPROPS, props) == 0;
}

/* A longer message ends the connection before it is read. */
static bool
limit_messages(LDAP *ld)
{
	static ber_len_t max = GW_LDAP_MESSAGE_MAX;
	Sockbuf *sb = NULL;

	return ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) ==
		       LDAP_OPT_SUCCESS && sb != NULL &&
	       ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max) > 0;
}

enum gw_err
gw_ldap_open(const struct gw_dc *dc, const struct gw_limits *l, int ahead,
	     LDAP **out, struct gw_error *err)
{
	gw_auto(gw_ldap_close) LDAP *ld = NULL;
	gw_auto(free) char *url = NULL;
	int fd, rc;

	if (gw_dial(dc, GW_PORT_LDAP, l, ahead, &fd, err) != GW_ERR_OK) {
		if (err != NULL)
			err->code = GW_ERR_LDAP_UNREACHABLE;
		return GW_ERR_LDAP_UNREACHABLE;
	}
	url = gw_xasprintf("ldap://%s:%u", dc->name, GW_PORT_LDAP);
	rc = ldap_init_fd(fd, LDAP_PROTO_TCP, url, &ld);
	if (rc != LDAP_SUCCESS) {
		close(fd);
		return gw_fail(err, GW_ERR_LDAP_UNREACHABLE, "%s: %s (%d)",
			       dc->name, ldap_err2string(rc), rc);
	}
	if (!set_options(ld) || !limit_messages(ld))
		return gw_fail(err, GW_ERR_SYSTEM, "libldap: options");
	*out = gw_steal(&ld);
	return GW_ERR_OK;
}

/* ---- bind */

struct interaction {
	gss_cred_id_t cred;
	bool was_used;
};

/* The handle that takes the credential exists only during the bind, so this
 * is the one place to give it. fail closed: without it GSSAPI would look for
 * credentials by itself. */
static int
interact(LDAP *ld, unsigned flags, void *defaults, void *prompts)
{
	struct interaction *x = defaults;

	(void)flags;
	if (ldap_set_option(ld, LDAP_OPT_X_SASL_GSS_CREDS, x->cred) !=
	    LDAP_OPT_SUCCESS)
		return LDAP_LOCAL_ERROR;
	x->was_used = true;
	for (sasl_interact_t *p = prompts; p->id != SASL_CB_LIST_END; p++) {
		p->result = "";
		p->len = 0;
	}
	return LDAP_SUCCESS;
}

static bool
is_lost(int rc)
{
	return rc == LDAP_SERVER_DOWN || rc == LDAP_TIMEOUT ||
	       rc == LDAP_CONNECT_ERROR || rc == LDAP_BUSY ||
	       rc == LDAP_UNAVAILABLE;
}

/* libldap's number and text, and what the server said. */
static enum gw_err
refused(LDAP *ld, struct gw_error *err, enum gw_err code, const char *what,
	int rc)
{
	char *text = NULL;

	(void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &text);
	(void)gw_fail(err, is_lost(rc) ? GW_ERR_LDAP_UNREACHABLE : code,
		      "%s: %s (%d) %.100s", what, ldap_err2string(rc), rc,
		      text != NULL ? text : "");
	ldap_memfree(text);
	return is_lost(rc) ? GW_ERR_LDAP_UNREACHABLE : code;
}

static int
result_code(LDAP *ld, LDAPMessage *res)
{
	int code = LDAP_OTHER, rc;

	rc = ldap_parse_result(ld, res, &code, NULL, NULL, NULL, NULL, 0);
	return rc != LDAP_SUCCESS ? rc : code;
}

/* One message, or the whole answer with LDAP_MSG_ALL, before the deadline. */
static int
wait_result(LDAP *ld, int id, int all, uint64_t until, LDAPMessage **out)
{
	int ms = gw_ms_left(until), rc, got;
	struct timeval tv = { .tv_sec = ms / 1000,
			      .tv_usec = (ms % 1000) * 1000 };

	got = ldap_result(ld, id, all, &tv, out);
	if (got > 0)
		return LDAP_SUCCESS;
	if (got == 0)
		return LDAP_TIMEOUT;
	rc = LDAP_SERVER_DOWN;
	(void)ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &rc);
	return rc != LDAP_SUCCESS ? rc : LDAP_SERVER_DOWN;
}

static int
bind_rounds(LDAP *ld, struct interaction *x, uint64_t until)
{
	const char *mech = NULL;
	LDAPMessage *res = NULL;
	int id = 0, rc;

	for (;;) {
		/* GSSAPI, never GSS-SPNEGO: that one falls back to other
		 * credentials when it dislikes ours. */
		rc = ldap_sasl_interactive_bind(ld, NULL, "GSSAPI", NULL, NULL,
						LDAP_SASL_QUIET, interact, x,
						res, &mech, &id);
		ldap_msgfree(res);
		res = NULL;
		if (rc != LDAP_SASL_BIND_IN_PROGRESS)
			return rc;
		rc = wait_result(ld, id, LDAP_MSG_ALL, until, &res);
		if (rc != LDAP_SUCCESS)
			return rc;
	}
}

enum gw_err
gw_ldap_bind(LDAP *ld, const struct gw_cred *cred, const struct gw_limits *l,
	     struct gw_error *err)
{
	struct interaction x = { .cred = cred->gss };
	ber_len_t ssf = 0;
	int rc;

	/* fail closed: no credential would mean the default one. */
	if (cred->gss == GSS_C_NO_CREDENTIAL)
		return gw_fail(err, GW_ERR_INTERNAL, "bind: no credential");
	rc = bind_rounds(ld, &x, gw_limits_until(l, l->ldap_ms));
	if (rc != LDAP_SUCCESS)
		return refused(ld, err, GW_ERR_LDAP_BIND_REFUSED, "SASL bind",
			       rc);
	/* fail closed: bound, but not with what we gave. */
	if (!x.was_used)
		return gw_fail(err, GW_ERR_LDAP_IDENTITY_MISMATCH,
			       "SASL bind: credential was not asked for");
	if (ldap_get_option(ld, LDAP_OPT_X_SASL_SSF, &ssf) != 0 ||
	    ssf < GW_SSF_MIN)
		return gw_fail(err, GW_ERR_LDAP_BIND_REFUSED,
			       "SASL bind: strength %lu, wanted %d",
			       (unsigned long)ssf, GW_SSF_MIN);
	return GW_ERR_OK;
}

/* ---- search */

enum gw_err
gw_ldap_ask(LDAP *ld, const struct gw_search *s, const struct gw_limits *l,
	    int *out_id, struct gw_error *err)
{
	int ms = gw_ms_left(gw_limits_until(l, l->ldap_ms)), rc;
	struct timeval tv = { .tv_sec = ms / 1000 + 1 };

	rc = ldap_search_ext(ld, s->base, s->scope, s->filter,
			     (char **)(uintptr_t)s->attrs, 0, NULL, NULL, &tv,
			     s->size_limit, out_id);
	if (rc != LDAP_SUCCESS)
		return refused(ld, err, GW_ERR_LDAP_BIND_REFUSED, "search",
			       rc);
	return GW_ERR_OK;
}

enum gw_err
gw_ldap_answer(LDAP *ld, int id, const struct gw_limits *l, LDAPMessage **out,
	       struct gw_error *err)
{
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	int rc = wait_result(ld, id, LDAP_MSG_ALL,
			     gw_limits_until(l, l->ldap_ms), &res);

	if (rc == LDAP_SUCCESS)
		rc = result_code(ld, res);
	if (rc == LDAP_SIZELIMIT_EXCEEDED)
		return gw_fail(err, GW_ERR_MAP_AMBIGUOUS,
			       "search: more entries than wanted");
	if (rc == LDAP_TIMELIMIT_EXCEEDED)
		rc = LDAP_TIMEOUT;
	if (rc != LDAP_SUCCESS)
		return refused(ld, err, GW_ERR_LDAP_BIND_REFUSED, "search",
			       rc);
	*out = gw_steal(&res);
	return GW_ERR_OK;
}

enum gw_err
gw_ldap_search(LDAP *ld, const struct gw_search *s, const struct gw_limits *l,
	       LDAPMessage **out, struct gw_error *err)
{
	int id = 0;
	enum gw_err rc = gw_ldap_ask(ld, s, l, &id, err);

	return rc != GW_ERR_OK ? rc : gw_ldap_answer(ld, id, l, out, err);
}

/* ---- values */

struct berval **
gw_ldap_values(LDAP *ld, LDAPMessage *entry, const char *attr)
{
	return ldap_get_values_len(ld, entry, attr);
}

bool
gw_ldap_text(LDAP *ld, LDAPMessage *entry, const char *attr, char *out,
	     size_t cap)
{
	struct berval **v = ldap_get_values_len(ld, entry, attr);
	bool ok = v != NULL && v[0] != NULL && v[0]->bv_len < cap &&
		  memchr(v[0]->bv_val, '\0', v[0]->bv_len) == NULL;

	if (ok) {
		memcpy(out, v[0]->bv_val, v[0]->bv_len);
		out[v[0]->bv_len] = '\0';
	}
	ldap_value_free_len(v);
	return ok;
}

bool
gw_ldap_int(LDAP *ld, LDAPMessage *entry, const char *attr, int64_t *out)
{
	char text[24], *end;
	long long n;

	if (!gw_ldap_text(ld, entry, attr, text, sizeof(text)))
		return false;
	n = strtoll(text, &end, 10);
	if (end == text || *end != '\0')
		return false;
	*out = n;
	return true;
}

bool
gw_ldap_sid(LDAP *ld, LDAPMessage *entry, const char *attr,
	    char out[GW_SID_MAX])
{
	struct berval **v = ldap_get_values_len(ld, entry, attr);
	bool ok = v != NULL && v[0] != NULL &&
		  gw_sid_from_binary((const uint8_t *)v[0]->bv_val,
				     v[0]->bv_len, out);

	ldap_value_free_len(v);
	return ok;
}

bool
gw_ldap_has_value(LDAP *ld, LDAPMessage *entry, const char *attr,
		  const char *s)
{
	struct berval **v = ldap_get_values_len(ld, entry, attr);
	size_t len = strlen(s);
	bool found = false;

	for (size_t i = 0; v != NULL && v[i] != NULL && !found; i++)
		found = v[i]->bv_len == len &&
			strncasecmp(v[i]->bv_val, s, len) == 0;
	ldap_value_free_len(v);
	return found;
}
