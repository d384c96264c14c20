/* api_paths.c — what each path of the operator API answers; see api.h. */
#include "api_priv.h"
#include "reload.h"
#include "gw/log.h"
#include "gw/util.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_SESSIONS 100 /* of them in /v1/status; all in /v1/sessions */

static struct gw_answer
get_status(struct gw_api *a, const char *arg, const json_t *doc)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)doc);
	const json_t *all = json_object_get(doc, "sessions");
	json_t *some = json_array();

	(void)a;
	(void)arg;
	for (size_t i = 0; i < json_array_size(all) && i < STATUS_SESSIONS;
	     i++)
		json_array_append(some, json_array_get(all, i));
	json_object_set_new(copy, "sessions", some);
	return (struct gw_answer){ MHD_HTTP_OK, copy };
}

static struct gw_answer
get_sessions(struct gw_api *a, const char *arg, const json_t *doc)
{
	struct gw_child_info auth, proxy;

	(void)arg;
	gw_sup_info(a->sup, GW_CHILD_AUTH, &auth);
	gw_sup_info(a->sup, GW_CHILD_PROXY, &proxy);
	/* without gwd-auth the proxy tells of all that it has */
	if (auth.state != GW_CS_UP && proxy.state != GW_CS_UP)
		return gw_answer_error(MHD_HTTP_SERVICE_UNAVAILABLE,
				       "auth-unavailable",
				       "gwd-auth and gwd-proxy, which have the "
				       "sessions, are not up");
	return (struct gw_answer){ MHD_HTTP_OK,
				json_pack("{s:O}", "sessions",
					  json_object_get(doc, "sessions")) };
}

static bool
parse_session(const char *hex, uint8_t out[GW_SESSION_ID])
{
	if (strlen(hex) != 2 * GW_SESSION_ID ||
	    strspn(hex, "0123456789abcdef") != 2 * GW_SESSION_ID)
		return false;
	for (size_t i = 0; i < GW_SESSION_ID; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static const json_t *
find_session(const json_t *doc, const char *id)
{
	const json_t *all = json_object_get(doc, "sessions"), *row;
	size_t i;

	json_array_foreach(all, i, row) {
		const char *s = json_string_value(json_object_get(row, "id"));

		if (s != NULL && strcmp(s, id) == 0)
			return row;
	}
	return NULL;
}

static struct gw_answer
post_kill(struct gw_api *a, const char *arg, const json_t *doc)
{
	uint8_t id[GW_SESSION_ID];

	if (!parse_session(arg, id))
		return gw_answer_error(MHD_HTTP_BAD_REQUEST, "bad-session-id",
				       "a session id is 32 hexadecimal digits");
	if (find_session(doc, arg) == NULL)
		return gw_answer_error(MHD_HTTP_NOT_FOUND, "no-such-session",
				       "no session has this id (any more)");
	if (!gw_sup_kill_session(a->sup, id))
		return gw_answer_error(MHD_HTTP_SERVICE_UNAVAILABLE,
				       "auth-unavailable",
				       "gwd-auth or gwd-proxy did not take it; "
				       "try again");
	gw_event(GW_LOG_INFO, "session-kill", "session", arg, NULL);
	return (struct gw_answer){ MHD_HTTP_OK,
				json_pack("{s:s}", "killed", arg) };
}

static json_t *
texts(const struct gw_strlist *l)
{
	json_t *out = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(out, json_string(l->v[i]));
	return out;
}

static struct gw_answer
post_reload(struct gw_api *a, const char *arg, const json_t *doc)
{
	struct gw_complaint c;
	struct gw_reload r;
	struct gw_answer out;
	char detail[sizeof(c.text) + 512];

	(void)arg;
	(void)doc;
	if (gw_reload_run(a->sup, &r, &c)) {
		out = (struct gw_answer){ MHD_HTTP_OK, json_pack(
			"{s:o, s:o, s:o}", "renewed", texts(&r.renewed),
			"restart", texts(&r.restart), "warnings",
			texts(&r.warnings)) };
	} else {
		if (!gw_format(detail, sizeof(detail), "%s:%d: %s",
			       gw_sup_setup(a->sup)->path, c.line, c.text))
			detail[0] = '\0';
		out = gw_answer_error(MHD_HTTP_CONFLICT, "reload-refused",
				      detail);
	}
	gw_reload_clear(&r);
	return out;
}

static bool
is_auth_up(const struct gw_api *a)
{
	struct gw_child_info info;

	gw_sup_info(a->sup, GW_CHILD_AUTH, &info);
	return info.state == GW_CS_UP;
}

static struct gw_answer
get_cas(struct gw_api *a, const char *arg, const json_t *doc)
{
	json_t *all = json_array();

	(void)arg;
	if (!is_auth_up(a)) {
		json_decref(all);
		return gw_answer_no_auth();
	}
	json_array_extend(all, json_object_get(doc, "cas"));
	json_array_extend(all, json_object_get(doc, "past_cas"));
	return (struct gw_answer){ MHD_HTTP_OK,
				json_pack("{s:o}", "cas", all) };
}

static struct gw_answer
get_client_auth(struct gw_api *a, const char *arg, const json_t *doc)
{
	const json_t *auth = json_object_get(doc, "auth");
	const char *status = json_string_value(json_object_get(auth,
							       "client_auth"));

	(void)arg;
	if (!is_auth_up(a) || status == NULL)
		return gw_answer_no_auth();
	return (struct gw_answer){
		MHD_HTTP_OK, json_pack("{s:s, s:O}", "status", status, "since",
				       json_object_get(auth,
						       "client_auth_since")) };
}

static const struct gw_endpoint endpoints[] = {
	{ "GET", "/v1/status", "", get_status, 0, 0 },
	{ "GET", "/v1/sessions", "", get_sessions, 0, 0 },
	{ "POST", "/v1/sessions/", "/kill", post_kill, 0, 0 },
	{ "POST", "/v1/reload", "", post_reload, 0, 0 },
	{ "GET", "/v1/cas", "", get_cas, 0, 0 },
	{ "POST", "/v1/cas/register", "", NULL, GW_ADMIN_CA_REGISTER, 0 },
	{ "POST", "/v1/cas/", "/update", NULL, GW_ADMIN_CA_UPDATE, 0 },
	{ "POST", "/v1/cas/", "/deregister", NULL, GW_ADMIN_CA_DEREGISTER,
	  0 },
	{ "POST", "/v1/test-cert", "", NULL, GW_ADMIN_TEST_CERT, 0 },
	{ "GET", "/v1/client-auth", "", get_client_auth, 0, 0 },
	{ "POST", "/v1/client-auth/enable", "", NULL, GW_ADMIN_CLIENT_AUTH,
	  GW_ADMIN_ENABLE },
	{ "POST", "/v1/client-auth/disable", "", NULL, GW_ADMIN_CLIENT_AUTH,
	  0 },
};

/* Copies what stands between prefix and suffix, when both fit. */
static bool
match(const struct gw_endpoint *e, const char *url, char *arg, size_t cap)
{
	size_t pre = strlen(e->prefix), suf = strlen(e->suffix);
	size_t len = strlen(url);

	if (len < pre + suf || strncmp(url, e->prefix, pre) != 0 ||
	    strcmp(url + len - suf, e->suffix) != 0)
		return false;
	len -= pre + suf;
	if (len >= cap || (len > 0 && suf == 0))
		return false;
	memcpy(arg, url + pre, len);
	arg[len] = '\0';
	return true;
}

static void
refuse_unknown(struct gw_request *r, const char *url)
{
	bool path_known = false;

	for (size_t i = 0; i < GW_COUNT(endpoints); i++)
		path_known |= match(&endpoints[i], url, r->arg,
				    sizeof(r->arg));
	r->answer = path_known
		? gw_answer_error(MHD_HTTP_METHOD_NOT_ALLOWED,
				  "method-not-allowed",
				  "this path has another method")
		: gw_answer_error(MHD_HTTP_NOT_FOUND, "not-found",
				  "no such path; see gwctl(8)");
	r->has_answer = true;
}

void
gw_endpoint_find(struct gw_request *r, const char *url, const char *method)
{
	for (size_t i = 0; i < GW_COUNT(endpoints); i++)
		if (strcmp(method, endpoints[i].method) == 0 &&
		    match(&endpoints[i], url, r->arg, sizeof(r->arg))) {
			r->endpoint = &endpoints[i];
			return;
		}
	refuse_unknown(r, url);
}
