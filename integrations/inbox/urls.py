from django.urls import path

from integrations.inbox.views import receive

urlpatterns = [path("<slug:slug>/", receive, name="hook")]
