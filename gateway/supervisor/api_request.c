/* api_request.c — see api_priv.h. */
#include "api_priv.h"
#include "gw/util.h"

#include <string.h>

#define UPLOAD_MAX 4096  /* of a body that is ignored */
#define CHANGE_MAX 65536 /* of a change's body */

struct gw_answer
gw_answer_error(unsigned status, const char *error, const char *detail)
{
	return (struct gw_answer){
		status, json_pack("{s:s, s:s}", "error", error, "detail",
				  detail),
	};
}

struct gw_answer
gw_answer_no_auth(void)
{
	return gw_answer_error(MHD_HTTP_SERVICE_UNAVAILABLE, "auth-unavailable",
			       "gwd-auth, which keeps the registry, is not up");
}

enum MHD_Result
gw_request_upload(struct gw_request *r, const char *p, size_t len)
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

enum MHD_Result
gw_request_answer(struct gw_request *r)
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

void
gw_request_wait(struct gw_api *a, struct gw_request *r)
{
	r->next = a->waiting;
	a->waiting = r;
	MHD_suspend_connection(r->conn);
}

void
gw_request_unlink(struct gw_api *a, struct gw_request *r)
{
	struct gw_request **p = &a->waiting;

	while (*p != NULL && *p != r)
		p = &(*p)->next;
	if (*p != NULL)
		*p = r->next;
}

void
gw_request_go_on(struct gw_api *a, struct gw_request *r,
		 struct gw_answer answer)
{
	gw_request_unlink(a, r);
	r->ask = 0;
	r->answer = answer;
	r->has_answer = true;
	MHD_resume_connection(r->conn);
}

void
gw_api_run(struct gw_api *a)
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
