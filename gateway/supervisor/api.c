/* api.c — see api.h. A request that needs the children is suspended until
 * the round of collect.h is over; rounds are shared by all who wait. */
#include "api.h"
#include "change.h"
#include "collect.h"
#include "peer.h"
#include "reload.h"
#include "gw/log.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 32
#define IDLE_SECONDS    10
#define CLIENT_MEMORY   16384 /* a request's head must fit */
#define UPLOAD_MAX      4096  /* of a body that is ignored */
#define CHANGE_MAX      65536 /* of a change's body */
#define CHANGE_MS       4000  /* for gwd-auth to carry it out */
#define TRIAL_MS        30000 /* … when it asks responders and DCs, too */
#define STATUS_SESSIONS 100   /* of them in /v1/status; all in /v1/sessions */

struct request;

struct gw_api {
	struct gw_loop *loop;
	struct gw_sup *sup;
	struct MHD_Daemon *mhd;
	struct gw_collect *collect;
	struct gw_io listener, poller;
	struct gw_timer timer;
	struct gw_timer change_timer;
	struct request *waiting;
	uint64_t last_ask;
	bool is_running; /* inside MHD_run() */
};

struct answer {
	unsigned status;
	json_t *body; /* owned */
};

struct endpoint {
	const char *method, *prefix, *suffix; /* between them: one argument */
	struct answer (*fn)(struct gw_api *a, const char *arg,
			    const json_t *doc);
	/* fn NULL: a change for gwd-auth */
	enum gw_admin_verb verb;
	uint32_t flags;
};

/* One request; lives in MHD's per-request pointer. */
struct request {
	struct request *next; /* among those that wait */
	struct MHD_Connection *conn;
	const struct endpoint *endpoint;
	char arg[2 * GW_SESSION_ID + 1];
	struct answer answer;
	bool has_answer, is_waiting;
	uint64_t ask;         /* of a change under way, else 0 */
	uint64_t deadline_ms; /* … and when it is given up */
	char *body;           /* of a change */
	size_t uploaded;
};

/* ---- answers */

static struct answer
failure(unsigned status, const char *error, const char *detail)
{
	return (struct answer){ status, json_pack("{s:s, s:s}", "error", error,
						  "detail", detail) };
}

static struct answer
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
	return (struct answer){ MHD_HTTP_OK, copy };
}

static struct answer
get_sessions(struct gw_api *a, const char *arg, const json_t *doc)
{
	struct gw_child_info auth, proxy;

	(void)arg;
	gw_sup_info(a->sup, GW_CHILD_AUTH, &auth);
	gw_sup_info(a->sup, GW_CHILD_PROXY, &proxy);
	/* without gwd-auth the proxy tells of all that it has */
	if (auth.state != GW_CS_UP && proxy.state != GW_CS_UP)
		return failure(MHD_HTTP_SERVICE_UNAVAILABLE,
			       "auth-unavailable",
			       "gwd-auth and gwd-proxy, which have the "
			       "sessions, are not up");
	return (struct answer){ MHD_HTTP_OK,
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

static struct answer
post_kill(struct gw_api *a, const char *arg, const json_t *doc)
{
	uint8_t id[GW_SESSION_ID];

	if (!parse_session(arg, id))
		return failure(MHD_HTTP_BAD_REQUEST, "bad-session-id",
			       "a session id is 32 hexadecimal digits");
	if (find_session(doc, arg) == NULL)
		return failure(MHD_HTTP_NOT_FOUND, "no-such-session",
			       "no session has this id (any more)");
	if (!gw_sup_kill_session(a->sup, id))
		return failure(MHD_HTTP_SERVICE_UNAVAILABLE,
			       "auth-unavailable",
			       "gwd-auth or gwd-proxy did not take it; "
			       "try again");
	gw_event(GW_LOG_INFO, "session-kill", "session", arg, NULL);
	return (struct answer){ MHD_HTTP_OK,
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

static struct answer
post_reload(struct gw_api *a, const char *arg, const json_t *doc)
{
	struct gw_complaint c;
	struct gw_reload r;
	struct answer out;
	char detail[sizeof(c.text) + 512];

	(void)arg;
	(void)doc;
	if (gw_reload_run(a->sup, &r, &c)) {
		out = (struct answer){ MHD_HTTP_OK, json_pack(
			"{s:o, s:o, s:o}", "renewed", texts(&r.renewed),
			"restart", texts(&r.restart), "warnings",
			texts(&r.warnings)) };
	} else {
		if (!gw_format(detail, sizeof(detail), "%s:%d: %s",
			       gw_sup_setup(a->sup)->path, c.line, c.text))
			detail[0] = '\0';
		out = failure(MHD_HTTP_CONFLICT, "reload-refused", detail);
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

static struct answer
no_auth(void)
{
	return failure(MHD_HTTP_SERVICE_UNAVAILABLE, "auth-unavailable",
		       "gwd-auth, which keeps the registry, is not up");
}

static struct answer
get_cas(struct gw_api *a, const char *arg, const json_t *doc)
{
	json_t *all = json_array();

	(void)arg;
	if (!is_auth_up(a)) {
		json_decref(all);
		return no_auth();
	}
	json_array_extend(all, json_object_get(doc, "cas"));
	json_array_extend(all, json_object_get(doc, "past_cas"));
	return (struct answer){ MHD_HTTP_OK,
				json_pack("{s:o}", "cas", all) };
}

static struct answer
get_client_auth(struct gw_api *a, const char *arg, const json_t *doc)
{
	const json_t *auth = json_object_get(doc, "auth");
	const char *status = json_string_value(json_object_get(auth,
							       "client_auth"));

	(void)arg;
	if (!is_auth_up(a) || status == NULL)
		return no_auth();
	return (struct answer){
		MHD_HTTP_OK, json_pack("{s:s, s:O}", "status", status, "since",
				       json_object_get(auth,
						       "client_auth_since")) };
}

static const struct endpoint endpoints[] = {
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
match(const struct endpoint *e, const char *url, char *arg, size_t cap)
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
refuse_unknown(struct request *r, const char *url)
{
	bool path_known = false;

	for (size_t i = 0; i < GW_COUNT(endpoints); i++)
		path_known |= match(&endpoints[i], url, r->arg,
				    sizeof(r->arg));
	r->answer = path_known ? failure(MHD_HTTP_METHOD_NOT_ALLOWED,
					 "method-not-allowed",
					 "this path has another method")
			       : failure(MHD_HTTP_NOT_FOUND, "not-found",
					 "no such path; see gwctl(8)");
	r->has_answer = true;
}

static void
route(struct request *r, const char *url, const char *method)
{
	for (size_t i = 0; i < GW_COUNT(endpoints); i++)
		if (strcmp(method, endpoints[i].method) == 0 &&
		    match(&endpoints[i], url, r->arg, sizeof(r->arg))) {
			r->endpoint = &endpoints[i];
			return;
		}
	refuse_unknown(r, url);
}

/* Nothing is routed, and no child asked, for a peer who may not ask. */
static bool
is_allowed(const struct gw_api *a, struct MHD_Connection *conn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		conn, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info != NULL &&
	       gw_peer_is_allowed(info->connect_fd, a->listener.fd);
}

static void
refuse_peer(struct request *r)
{
	gw_event(GW_LOG_WARN, "operator-refused", NULL);
	r->answer = failure(MHD_HTTP_FORBIDDEN, "forbidden",
			    "you are neither root nor a member of the "
			    "socket's group");
	r->has_answer = true;
}

static enum MHD_Result
send_answer(struct request *r)
{
	char *text = json_dumps(r->answer.body, JSON_COMPACT);
	struct MHD_Response *resp;
	enum MHD_Result rc;

	if (text == NULL)
		return MHD_NO;
	resp = MHD_create_response_from_buffer(strlen(text), text,
					       MHD_RESPMEM_MUST_FREE);
	if (resp == NULL) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(resp, "Content-Type", "application/json");
	MHD_add_response_header(resp, "Cache-Control", "no-store");
	rc = MHD_queue_response(r->conn, r->answer.status, resp);
	MHD_destroy_response(resp);
	return rc;
}

/* ---- requests that wait */

static void
wait_for(struct gw_api *a, struct request *r)
{
	r->is_waiting = true;
	r->next = a->waiting;
	a->waiting = r;
	MHD_suspend_connection(r->conn);
}

static void
unlink_request(struct gw_api *a, struct request *r)
{
	struct request **p = &a->waiting;

	while (*p != NULL && *p != r)
		p = &(*p)->next;
	if (*p != NULL)
		*p = r->next;
}

static void
go_on_with(struct gw_api *a, struct request *r, struct answer answer)
{
	unlink_request(a, r);
	r->is_waiting = false;
	r->ask = 0;
	r->answer = answer;
	r->has_answer = true;
	MHD_resume_connection(r->conn);
}

static void run(struct gw_api *a);

static void
on_round(void *ctx, const json_t *doc)
{
	struct gw_api *a = ctx;
	struct request *r = a->waiting, *next;

	for (; r != NULL; r = next) {
		next = r->next;
		if (r->ask == 0)
			go_on_with(a, r, r->endpoint->fn(a, r->arg, doc));
	}
	run(a);
}

/* ---- changes, which gwd-auth carries out */

static void
log_change(const struct request *r, int fd)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	gw_event(GW_LOG_INFO, "operator-change", "what", r->endpoint->prefix,
		 "verb", r->endpoint->suffix, "id", r->arg, "uid",
		 GW_NUM(cred.uid), NULL);
}

/* NULL, or what is wrong with the request. */
static const char *
begin_change(struct gw_api *a, struct request *r)
{
	struct gw_admin m = { .verb = r->endpoint->verb,
			      .flags = r->endpoint->flags };
	json_t *keep = NULL;
	const char *wrong = gw_change_read(r->body, r->uploaded, &m, &keep);

	if (wrong == NULL && *r->arg != '\0' &&
	    (!gw_ca_id_is_valid(r->arg) ||
	     !gw_copy(m.id, sizeof(m.id), r->arg)))
		wrong = "an id is c- and ten hexadecimal digits";
	if (wrong == NULL && (m.verb == GW_ADMIN_CA_REGISTER ||
			      m.verb == GW_ADMIN_TEST_CERT) !=
				     (m.pem_len > 0))
		wrong = "pem belongs to register and test-cert";
	if (wrong == NULL && !gw_admin_is_valid(&m))
		wrong = "an option that this change does not have";
	if (wrong == NULL && gw_sup_admin(a->sup, a->last_ask + 1, &m))
		r->ask = ++a->last_ask;
	json_decref(keep);
	return wrong;
}

static enum MHD_Result
start_change(struct gw_api *a, struct request *r)
{
	const char *wrong = begin_change(a, r);

	if (r->ask == 0) {
		r->answer = wrong != NULL
			? failure(MHD_HTTP_BAD_REQUEST, "InvalidParameter",
				  wrong)
			: no_auth();
		r->has_answer = true;
		return send_answer(r);
	}
	log_change(r, MHD_get_connection_info(
			      r->conn, MHD_CONNECTION_INFO_CONNECTION_FD)
			      ->connect_fd);
	r->deadline_ms = gw_loop_now_ms(a->loop) +
			 (r->endpoint->verb == GW_ADMIN_TEST_CERT ? TRIAL_MS
								  : CHANGE_MS);
	wait_for(a, r);
	if (a->change_timer.slot == 0 ||
	    a->change_timer.deadline_ms > r->deadline_ms)
		gw_timer_at(a->loop, &a->change_timer, r->deadline_ms);
	return MHD_YES;
}

static void
on_done(void *ctx, uint64_t ask, const struct gw_admin_done *d)
{
	struct gw_api *a = ctx;
	struct request *r = a->waiting;

	while (r != NULL && (r->ask != ask || ask == 0))
		r = r->next;
	if (r == NULL)
		return; /* given up */
	go_on_with(a, r, (struct answer){
			 (unsigned)gw_admin_err_status(d->error),
			 gw_change_answer(d) });
	run(a);
}

/* Whether it was carried out is then not known here. */
static void
give_up_changes(struct gw_api *a, uint64_t before_ms, const char *why)
{
	struct request *r = a->waiting, *next;

	for (; r != NULL; r = next) {
		next = r->next;
		if (r->ask != 0 && r->deadline_ms <= before_ms)
			go_on_with(a, r, failure(MHD_HTTP_SERVICE_UNAVAILABLE,
						 "auth-unavailable", why));
		else if (r->ask != 0)
			gw_timer_at(a->loop, &a->change_timer,
				    r->deadline_ms);
	}
	run(a);
}

static void
on_auth_gone(void *ctx)
{
	give_up_changes(ctx, UINT64_MAX, "gwd-auth ended meanwhile; gwctl ca "
			"list shows whether the change was made");
}

static void
on_change_timer(struct gw_timer *t)
{
	struct gw_api *a = GW_CONTAINER(t, struct gw_api, change_timer);

	give_up_changes(a, gw_loop_now_ms(a->loop), "gwd-auth did not answer "
			"in time; gwctl ca list shows whether the change was "
			"made");
}

/* The body of a change is kept; others' are ignored, within limits. */
static enum MHD_Result
take_upload(struct request *r, const char *p, size_t len)
{
	bool is_change = r->endpoint != NULL && r->endpoint->fn == NULL;

	if (len > (is_change ? CHANGE_MAX : UPLOAD_MAX) - r->uploaded)
		return MHD_NO;
	if (is_change) {
		r->body = gw_xrealloc(r->body, r->uploaded + len, 1);
		memcpy(r->body + r->uploaded, p, len);
	}
	r->uploaded += len;
	return MHD_YES;
}

/* ---- libmicrohttpd */

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *conn, const char *url,
	   const char *method, const char *version, const char *upload,
	   size_t *upload_size, void **con_cls)
{
	struct gw_api *a = ctx;
	struct request *r = *con_cls;

	(void)version;
	if (r == NULL) {
		r = gw_xcalloc(1, sizeof(*r));
		r->conn = conn;
		*con_cls = r;
		if (is_allowed(a, conn))
			route(r, url, method);
		else
			refuse_peer(r);
		return MHD_YES;
	}
	if (*upload_size > 0) {
		size_t len = *upload_size;

		*upload_size = 0;
		return take_upload(r, upload, len);
	}
	if (r->has_answer)
		return send_answer(r);
	if (r->endpoint->fn == NULL)
		return start_change(a, r);
	wait_for(a, r);
	gw_collect_begin(a->collect);
	return MHD_YES;
}

static void
on_completed(void *ctx, struct MHD_Connection *conn, void **con_cls,
	     enum MHD_RequestTerminationCode why)
{
	struct gw_api *a = ctx;
	struct request *r = *con_cls;

	(void)conn;
	(void)why;
	if (r == NULL)
		return;
	unlink_request(a, r);
	json_decref(r->answer.body);
	free(r->body);
	free(r);
	*con_cls = NULL;
}

/* It complains about TCP options on a Unix socket, three times a response. */
static void
on_mhd_log(void *ctx, const char *fmt, va_list ap)
{
	(void)ctx;
	(void)fmt;
	(void)ap;
}

/* Lets libmicrohttpd work, and notes when it wants to again. */
static void
run(struct gw_api *a)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (a->is_running)
		return;
	a->is_running = true;
	(void)MHD_run(a->mhd);
	a->is_running = false;
	if (MHD_get_timeout(a->mhd, &ms) == MHD_YES)
		gw_timer_after(a->loop, &a->timer, ms);
	else
		gw_timer_stop(a->loop, &a->timer);
}

static void
on_poll(struct gw_io *io, uint32_t events)
{
	(void)events;
	run(GW_CONTAINER(io, struct gw_api, poller));
}

static void
on_timer(struct gw_timer *t)
{
	run(GW_CONTAINER(t, struct gw_api, timer));
}

static void
on_accept(struct gw_io *io, uint32_t events)
{
	struct gw_api *a = GW_CONTAINER(io, struct gw_api, listener);
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	/* on failure (too many) it has closed the descriptor itself */
	(void)MHD_add_connection(a->mhd, fd, (void *)&ss,
				 sizeof(sa_family_t));
	run(a);
}

static struct MHD_Daemon *
start_mhd(struct gw_api *a)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
			MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, a,
		MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, a,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CLIENT_MEMORY,
		MHD_OPTION_END);
}

static bool
watch_mhd(struct gw_api *a)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(a->mhd, MHD_DAEMON_INFO_EPOLL_FD);

	if (info == NULL)
		return false;
	a->poller = (struct gw_io){ .fd = info->epoll_fd, .fn = on_poll };
	return gw_loop_add(a->loop, &a->poller, EPOLLIN) == GW_ERR_OK;
}

enum gw_err
gw_api_listen(const char *path, int *out_fd, struct gw_error *err)
{
	return gw_peer_listen(path, out_fd, err);
}

enum gw_err
gw_api_new(struct gw_loop *l, struct gw_sup *sup, int fd, struct gw_api **out,
	   struct gw_error *err)
{
	struct gw_api *a = gw_xcalloc(1, sizeof(*a));

	a->loop = l;
	a->sup = sup;
	a->timer.fn = on_timer;
	a->change_timer.fn = on_change_timer;
	a->poller.fd = -1;
	a->listener = (struct gw_io){ .fd = fd, .fn = on_accept };
	a->mhd = start_mhd(a);
	if (a->mhd == NULL || !watch_mhd(a) ||
	    gw_loop_add(l, &a->listener, EPOLLIN) != GW_ERR_OK) {
		gw_api_free(a);
		return gw_fail(err, GW_ERR_SYSTEM,
			       "operator API: %s", strerror(errno));
	}
	a->collect = gw_collect_new(l, sup, on_round, a);
	gw_sup_on_admin(sup, &(struct gw_sup_admin){ .ctx = a,
						     .on_done = on_done,
						     .on_gone =
							     on_auth_gone });
	*out = a;
	return GW_ERR_OK;
}

void
gw_api_free(struct gw_api *a)
{
	struct request *r;

	if (a == NULL)
		return;
	/* it must not be stopped while connections are suspended */
	for (r = a->waiting; r != NULL; r = r->next)
		MHD_resume_connection(r->conn);
	a->waiting = NULL;
	gw_collect_free(a->collect);
	gw_sup_on_admin(a->sup, &(struct gw_sup_admin){ .ctx = NULL });
	gw_timer_stop(a->loop, &a->change_timer);
	gw_timer_stop(a->loop, &a->timer);
	gw_loop_del(a->loop, &a->listener);
	gw_loop_del(a->loop, &a->poller);
	gw_close(&a->listener.fd);
	if (a->mhd != NULL)
		MHD_stop_daemon(a->mhd);
	free(a);
}
