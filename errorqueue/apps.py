from django.apps import AppConfig


class ErrorQueueConfig(AppConfig):
    name = "errorqueue"
    verbose_name = "Error queue"
