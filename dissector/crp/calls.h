/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which requests are calls of a registration point: ConfigMgr's, that of Intune's older certificate connector, and
 * Intune's validation service for other CAs, whose API is published (github.com/microsoft/Intune-Resource-Access).
 */
#ifndef CRP_CALLS_H
#define CRP_CALLS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    CRP_VERIFY_REQUEST,
    CRP_NOTIFY,
    CRP_VALIDATE_REQUEST,
    CRP_SUCCESS_NOTIFICATION,
    CRP_FAILURE_NOTIFICATION,
} crp_call;

typedef struct {
    crp_call    call;
    const char *name;    /* static: "VerifyRequest" … */
    const char *product; /* static: "ConfigMgr", "Intune connector", "Intune" */
} crp_target;

/* The paths by which registration points go when nothing else is said: those that their setups suggest. */
#define CRP_USUAL_PATHS "/CMCertificateRegistration/Certificate, /CertificateRegistrationSvc/Certificate"

/* True when a request target (in origin or absolute form, RFC 9112 3.2) is a call below one of `paths`, a list separated
 * by commas or blanks, or of Intune's service; then `target` is filled in. Whoever calls as `user_agent` "NDES_Plugin" is
 * taken at its word below any path, as the application's name can be changed. Case does not matter (IIS). */
bool crp_target_read(const char *text, const char *paths, const char *user_agent, crp_target *target);

/* True for the calls that tell of an outcome. */
bool crp_is_notification(crp_call call);

#endif
