/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which request targets are calls of a registration point, and of which product.
 */
#include "crp/calls.h"
#include "support.h"

#define AGENT "NDES_Plugin"
#define CONFIGMGR "/CMCertificateRegistration/Certificate"
#define CONNECTOR "/CertificateRegistrationSvc/Certificate"
/* As github.com/microsoft/Intune-Resource-Access has it. */
#define INTUNE "/RACerts/StatelessScepRequestValidationService/ScepActions"

static const struct {
    const char *target, *paths, *agent;
    const char *name; /* NULL: no call */
    const char *product;
} cases[] = {
    /* All of them. */
    { CONFIGMGR "/VerifyRequest", CRP_USUAL_PATHS, NULL, "VerifyRequest", "ConfigMgr" },
    { CONFIGMGR "/Notify", CRP_USUAL_PATHS, NULL, "Notify", "ConfigMgr" },
    { CONNECTOR "/VerifyRequest", CRP_USUAL_PATHS, NULL, "VerifyRequest", "Intune connector" },
    { CONNECTOR "/Notify", CRP_USUAL_PATHS, NULL, "Notify", "Intune connector" },
    { INTUNE "/validateRequest", CRP_USUAL_PATHS, NULL, "validateRequest", "Intune" },
    { INTUNE "/successNotification", CRP_USUAL_PATHS, NULL, "successNotification", "Intune" },
    { INTUNE "/failureNotification", CRP_USUAL_PATHS, NULL, "failureNotification", "Intune" },
    /* IIS tells no case from another. */
    { "/cmcertificateregistration/CERTIFICATE/verifyrequest", CRP_USUAL_PATHS, NULL, "VerifyRequest", "ConfigMgr" },
    { "/certificateregistrationsvc/certificate/NOTIFY", CRP_USUAL_PATHS, NULL, "Notify", "Intune connector" },
    { "/x/scepactions/VALIDATEREQUEST", "", NULL, "validateRequest", "Intune" },
    /* What may stand behind and before the path. */
    { CONFIGMGR "/VerifyRequest/", CRP_USUAL_PATHS, NULL, "VerifyRequest", "ConfigMgr" },
    { CONFIGMGR "/VerifyRequest//", CRP_USUAL_PATHS, NULL, "VerifyRequest", "ConfigMgr" },
    { CONFIGMGR "/VerifyRequest?x=/Notify", CRP_USUAL_PATHS, NULL, "VerifyRequest", "ConfigMgr" },
    { CONFIGMGR "/Notify/?", CRP_USUAL_PATHS, NULL, "Notify", "ConfigMgr" },
    { CONFIGMGR "/Notify#x", CRP_USUAL_PATHS, NULL, "Notify", "ConfigMgr" },
    { INTUNE "/validateRequest?api-version=2018-02-20", CRP_USUAL_PATHS, NULL, "validateRequest", "Intune" },
    { "https://crp.corp.contoso.com" CONFIGMGR "/VerifyRequest", CRP_USUAL_PATHS, NULL, "VerifyRequest", "ConfigMgr" },
    { "https://crp.corp.contoso.com:8443" CONNECTOR "/Notify?x", CRP_USUAL_PATHS, NULL, "Notify", "Intune connector" },
    /* Applications that were renamed. */
    { "/Renamed/Certificate/VerifyRequest", "/Renamed/Certificate", NULL, "VerifyRequest", "ConfigMgr" },
    { "/Renamed/Certificate/VerifyRequest", "/Renamed/Certificate/", NULL, "VerifyRequest", "ConfigMgr" },
    { "/Renamed/Certificate/VerifyRequest", "/a, /b,/Renamed/Certificate//", NULL, "VerifyRequest", "ConfigMgr" },
    { "/b/Notify", "/a /b\t/c", NULL, "Notify", "ConfigMgr" },
    { "/b/Notify", " ,, /b ,", NULL, "Notify", "ConfigMgr" },
    { "/B/Notify", "/b", NULL, "Notify", "ConfigMgr" },
    { CONNECTOR "/Notify", "/a, " CONNECTOR, NULL, "Notify", "Intune connector" },
    /* The policy module says who it is. */
    { "/Unknown/Certificate/VerifyRequest", CRP_USUAL_PATHS, AGENT, "VerifyRequest", "ConfigMgr" },
    { "/VerifyRequest", "", AGENT, "VerifyRequest", "ConfigMgr" },
    { "/Notify", CRP_USUAL_PATHS, AGENT, "Notify", "ConfigMgr" },
    { "/CertificateRegistrationSvc/other/Notify", "", AGENT, "Notify", "Intune connector" },
    /* Near misses. */
    { CONFIGMGR "/VerifyRequestX", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { CONFIGMGR "/XVerifyRequest", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { CONFIGMGR "/VerifyRequest/x", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { CONFIGMGR "/?VerifyRequest", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { CONFIGMGR "?/VerifyRequest", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { CONFIGMGR, CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "/x" CONFIGMGR "/VerifyRequest", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "/CMCertificateRegistration/VerifyRequest", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "/CMCertificateRegistration/Certificates/VerifyRequest", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "/Notify", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "/Notify", "/", NULL, NULL, NULL },
    { "/Notify", "", NULL, NULL, NULL },
    { "/VerifyRequest", CRP_USUAL_PATHS, "NDES_Plugin/2", NULL, NULL },
    { "/VerifyRequest", CRP_USUAL_PATHS, "ndes_plugin", NULL, NULL },
    { "/Notify/VerifyRequest", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "VerifyRequest", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "/ScepActions", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "/validateRequest", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "/x/ScepActions/validateRequests", CRP_USUAL_PATHS, NULL, NULL, NULL },
    { "https://crp.corp.contoso.com", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "https://Notify", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "*", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "/", CRP_USUAL_PATHS, AGENT, NULL, NULL },
    { "", CRP_USUAL_PATHS, AGENT, NULL, NULL },
};

static void
test_targets(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        crp_target target = { 0 };
        bool       is_call = crp_target_read(cases[i].target, cases[i].paths, cases[i].agent, &target);

        g_test_message("%s below %s", cases[i].target, cases[i].paths);
        g_assert_cmpint(is_call, ==, cases[i].name != NULL);
        g_assert_cmpstr(target.name, ==, cases[i].name);
        g_assert_cmpstr(target.product, ==, cases[i].product);
    }
}

static void
test_calls(void)
{
    static const struct {
        const char *target;
        crp_call    call;
        bool        is_notification;
    } all[] = {
        { CONFIGMGR "/VerifyRequest", CRP_VERIFY_REQUEST, false },
        { CONFIGMGR "/Notify", CRP_NOTIFY, true },
        { INTUNE "/validateRequest", CRP_VALIDATE_REQUEST, false },
        { INTUNE "/successNotification", CRP_SUCCESS_NOTIFICATION, true },
        { INTUNE "/failureNotification", CRP_FAILURE_NOTIFICATION, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        crp_target target;

        g_assert_true(crp_target_read(all[i].target, CRP_USUAL_PATHS, NULL, &target));
        g_assert_cmpint(target.call, ==, all[i].call);
        g_assert_cmpint(crp_is_notification(target.call), ==, all[i].is_notification);
    }
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/crp-calls/targets", test_targets);
    g_test_add_func("/crp-calls/calls", test_calls);
    return support_run();
}
