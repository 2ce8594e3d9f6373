/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Paths of registration points.
 */
#include "calls.h"

#include <string.h>

#include <glib.h>

static const struct {
    const char *path; /* what a target ends with */
    bool        is_published; /* needs no path of an application before it */
    crp_call    call;
} calls[] = {
    { "/VerifyRequest", false, CRP_VERIFY_REQUEST },
    { "/Notify", false, CRP_NOTIFY },
    { "/ScepActions/validateRequest", true, CRP_VALIDATE_REQUEST },
    { "/ScepActions/successNotification", true, CRP_SUCCESS_NOTIFICATION },
    { "/ScepActions/failureNotification", true, CRP_FAILURE_NOTIFICATION },
};

/* The path of a target, without its query: `*length` octets. */
static const char *
path_of(const char *text, size_t *length)
{
    const char *scheme = strstr(text, "://");
    const char *path = *text == '/' || !scheme ? text : strchr(scheme + 3, '/');

    *length = path ? strcspn(path, "?#") : 0;
    return path;
}

/* True when one of the paths, without a slash at its end, is `path`. */
static bool
is_listed(const char *paths, const char *path, size_t length)
{
    while (*paths) {
        size_t width = strcspn(paths, ", \t");
        size_t bare = width;

        while (bare > 0 && paths[bare - 1] == '/')
            bare--;
        if (bare > 0 && bare == length && g_ascii_strncasecmp(paths, path, length) == 0)
            return true;
        paths += width;
        paths += strspn(paths, ", \t");
    }
    return false;
}

/* The application before "/Certificate" tells the product; who renames it has ConfigMgr. */
static const char *
product_of(const char *path, size_t length)
{
    static const char connector[] = "/CertificateRegistrationSvc/";

    return length >= sizeof connector - 1 && g_ascii_strncasecmp(path, connector, sizeof connector - 1) == 0
               ? "Intune connector"
               : "ConfigMgr";
}

bool
crp_target_read(const char *text, const char *paths, const char *user_agent, crp_target *target)
{
    size_t      length;
    const char *path = path_of(text, &length);

    while (length > 1 && path[length - 1] == '/')
        length--;
    for (size_t i = 0; path && i < G_N_ELEMENTS(calls); i++) {
        size_t width = strlen(calls[i].path), before = length - width;

        if (length < width || g_ascii_strncasecmp(path + before, calls[i].path, width) != 0)
            continue;
        if (!calls[i].is_published && !is_listed(paths, path, before) && g_strcmp0(user_agent, "NDES_Plugin") != 0)
            return false;
        target->call = calls[i].call;
        target->name = strrchr(calls[i].path, '/') + 1;
        target->product = calls[i].is_published ? "Intune" : product_of(path, length);
        return true;
    }
    return false;
}

bool
crp_is_notification(crp_call call)
{
    return call == CRP_NOTIFY || call == CRP_SUCCESS_NOTIFICATION || call == CRP_FAILURE_NOTIFICATION;
}
