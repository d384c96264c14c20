/* auth/url.h — see gw/url.h. */
#include "gw/url.h"
