// Commands of this folder.
#ifndef EDGEWATT_POLLER_POLLER_H
#define EDGEWATT_POLLER_POLLER_H

int poller_main(int argc, char **argv); // edgewatt poller: the service

#endif
