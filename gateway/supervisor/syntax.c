/* syntax.c — see syntax.h. */
#include "syntax.h"
#include "gw/proto.h"

#include <string.h>

static bool
consists_of(const char *s, const char *set)
{
	return *s != '\0' && s[strspn(s, set)] == '\0';
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

bool
gw_is_host(const char *s)
{
	return consists_of(s, LETTERS DIGITS ".-") && strlen(s) < GW_HOST_MAX &&
	       *s != '.' && *s != '-';
}

bool
gw_is_realm(const char *s)
{
	return consists_of(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS ".-");
}

bool
gw_is_title(const char *s)
{
	return consists_of(s, LETTERS DIGITS " ._-:@") &&
	       strlen(s) <= GW_TITLE_MAX;
}

bool
gw_is_token(const char *s)
{
	return consists_of(s, LETTERS DIGITS "!#$%&'*+-.^_`|~");
}

bool
gw_is_path(const char *s)
{
	for (size_t i = 0; s[i] != '\0'; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f ||
		    strchr("?#\"\\%", s[i]) != NULL)
			return false;
	return s[0] == '/' && strlen(s) < GW_NAME_MAX &&
	       strstr(s, "//") == NULL && strstr(s, "/.") == NULL;
}
