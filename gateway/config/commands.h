// The console commands of config: each is a main function of `edgewatt <command>`; argv[0] is the command's
// name. Exit codes: 0 done, 1 said no, 2 usage.
#ifndef EDGEWATT_CONFIG_COMMANDS_H
#define EDGEWATT_CONFIG_COMMANDS_H

int check_main(int argc, char **argv);        // edgewatt check FILE...
int broker_files_main(int argc, char **argv); // edgewatt broker-files --data DIR --mqtt PORT
int account_main(int argc, char **argv);      // edgewatt account add|list|remove
int user_main(int argc, char **argv);         // edgewatt user list|unlock|reset
int config_main(int argc, char **argv);       // edgewatt config --data DIR: the service

#endif
