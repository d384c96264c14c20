/* api.c — see api.h. A request that needs the children is suspended until
 * the round of collect.h is over; rounds are shared by all who wait. */
#include "api_priv.h"
#include "peer.h"
#include "gw/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 32
#define IDLE_SECONDS    10
#define CLIENT_MEMORY   16384 /* a request's head must fit */

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
refuse_peer(struct gw_request *r)
{
	gw_event(GW_LOG_WARN, "operator-refused", NULL);
	r->answer = gw_answer_error(MHD_HTTP_FORBIDDEN, "forbidden",
				    "you are neither root nor a member of the "
				    "socket's group");
	r->has_answer = true;
}

static void
on_round(void *ctx, const json_t *doc)
{
	struct gw_api *a = ctx;
	struct gw_request *r = a->waiting, *next;

	for (; r != NULL; r = next) {
		next = r->next;
		if (r->ask == 0)
			gw_request_go_on(a, r, r->endpoint->fn(a, r->arg, doc));
	}
	gw_api_run(a);
}

/* ---- libmicrohttpd */

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *conn, const char *url,
	   const char *method, const char *version, const char *upload,
	   size_t *upload_size, void **con_cls)
{
	struct gw_api *a = ctx;
	struct gw_request *r = *con_cls;

	(void)version;
	if (r == NULL) {
		r = gw_xcalloc(1, sizeof(*r));
		r->conn = conn;
		*con_cls = r;
		if (is_allowed(a, conn))
			gw_endpoint_find(r, url, method);
		else
			refuse_peer(r);
		return MHD_YES;
	}
	if (*upload_size > 0) {
		size_t len = *upload_size;

		*upload_size = 0;
		return gw_request_upload(r, upload, len);
	}
	if (r->has_answer)
		return gw_request_answer(r);
	if (r->endpoint->fn == NULL)
		return gw_api_change(a, r);
	gw_request_wait(a, r);
	gw_collect_begin(a->collect);
	return MHD_YES;
}

static void
on_completed(void *ctx, struct MHD_Connection *conn, void **con_cls,
	     enum MHD_RequestTerminationCode why)
{
	struct gw_api *a = ctx;
	struct gw_request *r = *con_cls;

	(void)conn;
	(void)why;
	if (r == NULL)
		return;
	gw_request_unlink(a, r);
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

static void
on_poll(struct gw_io *io, uint32_t events)
{
	(void)events;
	gw_api_run(GW_CONTAINER(io, struct gw_api, poller));
}

static void
on_timer(struct gw_timer *t)
{
	gw_api_run(GW_CONTAINER(t, struct gw_api, timer));
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
	/* on gw_answer_error (too many) it has closed the descriptor itself */
	(void)MHD_add_connection(a->mhd, fd, (void *)&ss,
				 sizeof(sa_family_t));
	gw_api_run(a);
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
gw_api_new(struct gw_loop *l, struct gw_sup *sup, int fd, struct gw_api **out,
	   struct gw_error *err)
{
	struct gw_api *a = gw_xcalloc(1, sizeof(*a));

	a->loop = l;
	a->sup = sup;
	a->timer.fn = on_timer;
	a->change_timer.fn = gw_api_change_timer;
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
	gw_sup_on_admin(sup, &(struct gw_sup_admin){
				     .ctx = a, .on_done = gw_api_change_done,
				     .on_gone = gw_api_change_auth_gone });
	*out = a;
	return GW_ERR_OK;
}

void
gw_api_free(struct gw_api *a)
{
	struct gw_request *r;

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
