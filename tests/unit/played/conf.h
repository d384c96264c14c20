/* conf.h — a configuration made by a test that plays the supervisor, key by
 * key. A section or key that does not exist ends the test. */
#ifndef PLAYED_CONF_H
#define PLAYED_CONF_H

#include "gw/conf.h"

/* The instance of a plain section, or one more of a titled one, with all keys
 * at their defaults. `title` and `parent` are for sections that have them.
 * Borrowed, until the next of its kind is added. */
void *conf_add(struct gw_conf *c, const char *section, const char *title,
	       const char *parent);
/* The one added first. */
void *conf_first(struct gw_conf *c, const char *section);
/* `text` as it would stand in the file. */
void conf_set(const char *section, void *instance, const char *key,
	      const char *text);

#endif
