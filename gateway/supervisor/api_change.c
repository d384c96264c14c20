/* api_change.c — changes of the registry, which gwd-auth carries out. */
#include "api_priv.h"
#include "change.h"
#include "gw/log.h"

#include <sys/socket.h>

#define CHANGE_MS 4000  /* for gwd-auth to carry it out */
#define TRIAL_MS  30000 /* … when it asks responders and DCs, too */

static void
log_change(const struct gw_request *r, int fd)
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
begin_change(struct gw_api *a, struct gw_request *r)
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

enum MHD_Result
gw_api_change(struct gw_api *a, struct gw_request *r)
{
	const char *wrong = begin_change(a, r);

	if (r->ask == 0) {
		r->answer = wrong != NULL
			? gw_answer_error(MHD_HTTP_BAD_REQUEST,
					  "InvalidParameter", wrong)
			: gw_answer_no_auth();
		r->has_answer = true;
		return gw_request_answer(r);
	}
	log_change(r, MHD_get_connection_info(
			      r->conn, MHD_CONNECTION_INFO_CONNECTION_FD)
			      ->connect_fd);
	r->deadline_ms = gw_loop_now_ms(a->loop) +
			 (r->endpoint->verb == GW_ADMIN_TEST_CERT ? TRIAL_MS
								  : CHANGE_MS);
	gw_request_wait(a, r);
	if (a->change_timer.slot == 0 ||
	    a->change_timer.deadline_ms > r->deadline_ms)
		gw_timer_at(a->loop, &a->change_timer, r->deadline_ms);
	return MHD_YES;
}

void
gw_api_change_done(void *ctx, uint64_t ask, const struct gw_admin_done *d)
{
	struct gw_api *a = ctx;
	struct gw_request *r = a->waiting;

	while (r != NULL && (r->ask != ask || ask == 0))
		r = r->next;
	if (r == NULL)
		return; /* given up */
	gw_request_go_on(a, r, (struct gw_answer){
			       (unsigned)gw_admin_err_status(d->error),
			       gw_change_answer(d) });
	gw_api_run(a);
}

/* Whether it was carried out is then not known here. */
static void
give_up_changes(struct gw_api *a, uint64_t before_ms, const char *why)
{
	struct gw_request *r = a->waiting, *next;

	for (; r != NULL; r = next) {
		next = r->next;
		if (r->ask != 0 && r->deadline_ms <= before_ms)
			gw_request_go_on(a, r, gw_answer_error(
				MHD_HTTP_SERVICE_UNAVAILABLE,
				"auth-unavailable", why));
		else if (r->ask != 0)
			gw_timer_at(a->loop, &a->change_timer,
				    r->deadline_ms);
	}
	gw_api_run(a);
}

void
gw_api_change_auth_gone(void *ctx)
{
	give_up_changes(ctx, UINT64_MAX, "gwd-auth ended meanwhile; gwctl ca "
			"list shows whether the change was made");
}

void
gw_api_change_timer(struct gw_timer *t)
{
	struct gw_api *a = GW_CONTAINER(t, struct gw_api, change_timer);

	give_up_changes(a, gw_loop_now_ms(a->loop), "gwd-auth did not answer "
			"in time; gwctl ca list shows whether the change was "
			"made");
}
