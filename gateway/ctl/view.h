/* gateway/ctl/view.h — the operator API's documents as a page for people.
 * Linked into gwctl only. Pure: the time is the document's own. */
#ifndef GW_CTL_VIEW_H
#define GW_CTL_VIEW_H

#include <jansson.h>
#include <stdio.h>
#include "style.h"

/* First the verdict, then what is wrong with its cure, then the tables. */
void gw_view_status(FILE *out, const json_t *doc, struct gw_style style);
/* All sessions; `now` is wall clock. */
void gw_view_sessions(FILE *out, const json_t *sessions, int64_t now,
		      struct gw_style style);

/* Revocation: responders, lists, answers kept. */
void gw_view_ocsp(FILE *out, const json_t *status, struct gw_style style);

/* `gwctl test-cert`: a line for each stage, then the outcome. */
void gw_view_trial(FILE *out, const json_t *report, struct gw_style style);

/* `gwctl ca list`, `ca show` and `client-auth show`. */
void gw_view_cas(FILE *out, const json_t *cas, int64_t now,
		 struct gw_style style);
void gw_view_ca(FILE *out, const json_t *ca, int64_t now,
		struct gw_style style);
void gw_view_client_auth(FILE *out, const json_t *doc);

#endif
